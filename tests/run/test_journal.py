import hashlib
import subprocess
import warnings

import pytest

from medcnn.errors import MedcnnWarning
from medcnn.files.plain import read_json
from medcnn.run import journal as journals
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal


@pytest.fixture
def run(tmp_path):
    return RunDir(tmp_path / "run")


def test_a_stage_keeps_its_time_and_its_warnings(run):
    heard = []
    journal = Journal(run, seed=3, echo=heard.append)
    with journal.stage("data"):
        warnings.warn("a fallback", MedcnnWarning, stacklevel=1)
        warnings.warn("a fallback", MedcnnWarning, stacklevel=1)
    facts = read_json(run.environment)
    assert facts["warnings"] == heard == ["a fallback"]
    assert facts["seconds"]["data"] >= 0
    assert facts["seed"] == 3


def test_other_warnings_pass_by(run):
    journal = Journal(run, seed=0)
    with pytest.warns(UserWarning, match="of a library"), journal.stage("data"):
        warnings.warn("of a library", UserWarning, stacklevel=1)
    assert journal.facts["warnings"] == []


def test_a_failed_stage_is_saved_too(run):
    journal = Journal(run, seed=0)
    with pytest.raises(ZeroDivisionError), journal.stage("train"):
        _ = 1 / 0
    assert "train" in read_json(run.environment)["seconds"]


def test_a_resumed_run_counts_and_keeps_its_warnings(run):
    first = Journal(run, seed=0)
    first.warn("kept")
    first.save()
    second = Journal(run, seed=0)
    assert second.facts["resumed"] == 1
    assert second.facts["warnings"] == ["kept"]


def test_versions_are_those_installed(run):
    import numpy as np

    assert Journal(run, seed=0).facts["versions"]["numpy"] == np.__version__


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Return a repository with one commit, which the journal takes for that of medcnn."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "code.py").write_text("answer = 41\n")
    monkeypatch.setattr(journals, "CHECKOUT", folder)

    def git(*arguments):
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        done = subprocess.run(
            ["git", "-C", folder, *who, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q")
    git("add", "code.py")
    git("commit", "-q", "-m", "Begin")
    return folder, git


def test_a_clean_commit_is_named_and_leaves_no_patch(run, checkout):
    _, git = checkout
    facts = Journal(run, seed=0).facts
    assert (facts["commit"], facts["dirty"]) == (git("rev-parse", "HEAD"), False)
    assert facts["diff_sha256"] is None and not run.changes.exists()


def test_uncommitted_changes_are_kept_as_a_patch_that_applies(run, checkout):
    folder, git = checkout
    (folder / "code.py").write_text("answer = 42\n")
    facts = Journal(run, seed=0).facts
    assert facts["dirty"] is True
    assert facts["diff_sha256"] == hashlib.sha256(run.changes.read_bytes()).hexdigest()
    git("checkout", "-q", "code.py")
    git("apply", str(run.changes))
    assert (folder / "code.py").read_text() == "answer = 42\n"


def test_without_a_checkout_nothing_is_known_of_the_commit(run, tmp_path, monkeypatch):
    monkeypatch.setattr(journals, "CHECKOUT", tmp_path)
    facts = Journal(run, seed=0).facts
    assert (facts["commit"], facts["dirty"], facts["diff_sha256"]) == (None, None, None)
