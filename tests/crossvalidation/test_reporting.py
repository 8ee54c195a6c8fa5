import shutil

import numpy as np
import pandas as pd
import pytest

from medcnn.crossvalidation.reporting import report_folds
from medcnn.run_dir import RunDir, read_json, write_json
from medcnn.run_settings import read_settings


@pytest.fixture
def again(whole, tmp_path):
    """Return copies of the folds' runs, and a function that reports them into a new directory."""
    members = [
        RunDir(shutil.copytree(member.path, tmp_path / "all" / "members" / member.path.name))
        for member in whole.members
    ]
    directory = RunDir(tmp_path / "all")
    return members, lambda: report_folds(directory, members, read_settings(members[0])), directory


def test_the_tables_tell_of_each_image_by_which_fold_it_was_held_out(whole):
    folds = pd.read_csv(whole.path / "folds.csv")
    for number, member in enumerate(whole.members):
        manifest = pd.read_csv(member.manifest)
        held_out = set(manifest.loc[manifest["split"] == "test", "image_id"])
        assert set(folds.loc[folds["fold"] == number, "image_id"]) == held_out
    assert set(pd.read_csv(whole.manifest)["split"]) == {"test"}
    curves = pd.read_csv(whole.metrics)
    assert curves.groupby("fold").size().tolist() == [
        len(pd.read_csv(member.metrics)) for member in whole.members
    ]


def test_the_spread_between_folds_is_that_of_numpy(whole):
    found = read_json(whole.results)["cross_validation"]
    values = [read_json(member.results)["auroc"]["value"] for member in whole.members]
    told = found["mean"]["auroc"]
    assert told["mean"] == pytest.approx(np.mean(values))
    assert told["sd"] == pytest.approx(np.std(values, ddof=1))
    assert (told["lowest"], told["highest"]) == (min(values), max(values))


def test_only_what_every_fold_warned_of_is_repeated(again):
    members, report, _ = again
    for number, member in enumerate(members):
        facts = read_json(member.environment)
        facts["warnings"] = ["of all", f"of fold {number}"]
        write_json(member.environment, facts)
    told = report()["warnings"]
    assert "of all" in told and "of fold 0" not in told and "of fold 1" not in told
    assert any("Out-of-fold predictions of 2 models" in text for text in told)


def test_looks_at_the_test_split_are_those_of_the_fold_that_had_most(again):
    members, report, directory = again
    facts = read_json(members[1].environment)
    write_json(members[1].environment, facts | {"test_looks": 4})
    report()
    assert read_json(directory.environment)["test_looks"] == 4


def test_the_numbers_are_printed_with_their_spread(again, capsys):
    again[1]()
    told = capsys.readouterr().out
    assert "folds        2, each patient held out once" in told
    assert "AUROC        mean over folds" in told and ", SD " in told


def test_folds_that_are_ensembles_say_how_they_are_asked_together(again):
    members, report, directory = again
    for member in members:
        shutil.copytree(
            member.path, member.member(0).path, ignore=shutil.ignore_patterns("members")
        )
    named = ",".join(str(member.path) for member in members)
    assert f"Each fold is an ensemble itself: evaluate.py run=[{named}]" in report()["warnings"]
    assert not directory.judgement.exists()
