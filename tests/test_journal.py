import warnings

import pytest

from medcnn.errors import MedcnnWarning
from medcnn.journal import Journal
from medcnn.run_dir import RunDir, read_json


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
