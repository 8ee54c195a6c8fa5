import contextlib
import io
import shutil

import numpy as np
import pandas as pd
import pytest

from medcnn.crossvalidation.reporting import report_folds
from medcnn.evaluation.results import read_results
from medcnn.files.plain import read_json
from medcnn.run.directory import RunDir, write_json
from medcnn.training.settings import settings_of


def copied(whole, folder):
    """Return copies of the folds' runs, and a function that reports them into a new directory."""
    members = [
        RunDir(shutil.copytree(member.path, folder / "members" / member.path.name))
        for member in whole.members
    ]
    directory = RunDir(folder)
    return members, lambda: report_folds(directory, members, settings_of(members[0])), directory


@pytest.fixture(scope="module")
def joined(whole, tmp_path_factory):
    """Return warnings, directory and what was printed of folds with warnings and looks of their own."""
    members, report, directory = copied(whole, tmp_path_factory.mktemp("joined") / "all")
    for number, (member, looks) in enumerate(zip(members, (1, 4), strict=True)):
        facts = read_json(member.environment)
        own = {"warnings": ["of all", f"of fold {number}"], "test_looks": looks}
        write_json(member.environment, facts | own)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        warnings = report().warnings
    return warnings, directory, printed.getvalue()


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
    found = read_results(whole.results).cross_validation
    values = [read_json(member.results)["auroc"]["value"] for member in whole.members]
    told = found.mean["auroc"]
    assert told.mean == pytest.approx(np.mean(values))
    assert told.sd == pytest.approx(np.std(values, ddof=1))
    assert (told.lowest, told.highest) == (min(values), max(values))


def test_only_what_every_fold_warned_of_is_repeated(joined):
    told, _, _ = joined
    assert "of all" in told and "of fold 0" not in told and "of fold 1" not in told
    assert any("Out-of-fold predictions of 2 models" in text for text in told)


def test_looks_at_the_test_split_are_those_of_the_fold_that_had_most(joined):
    _, directory, _ = joined
    assert read_json(directory.environment)["test_looks"] == 4


def test_the_numbers_are_printed_with_their_spread(joined):
    _, _, told = joined
    assert "folds        2, each image held out once" in told
    assert "AUROC        mean over folds" in told and ", SD " in told


def test_folds_that_are_ensembles_say_how_they_are_asked_together(whole, tmp_path):
    members, report, directory = copied(whole, tmp_path / "all")
    for member in members:
        shutil.copytree(
            member.path, member.member(0).path, ignore=shutil.ignore_patterns("members")
        )
    named = ",".join(str(member.path) for member in members)
    assert f"Each fold is an ensemble itself: evaluate.py run=[{named}]" in report().warnings
    assert not directory.judgement.exists()
