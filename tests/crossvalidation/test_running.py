"""Cross-validation as a user runs it, on images that a tiny network learns within seconds."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import medcnn
from medcnn.adaptation.settings import ShiftAsked
from medcnn.adaptation.shift import look_for_shift
from medcnn.cli import run
from medcnn.crossvalidation.running import join_if_complete
from medcnn.errors import ConfigError, UserError
from medcnn.record.record import Record
from medcnn.run.directory import RunDir


def test_one_command_leaves_a_run_a_fold_and_one_report(whole):
    assert [member.path.name for member in whole.members] == ["0", "1"]
    for member in whole.members:
        assert member.results.is_file() and member.best_checkpoint.is_file()
    table = pd.read_csv(whole.predictions("test"))
    assert len(table) == 96
    assert table["image_id"].is_unique
    assert table.groupby("patient_id")["fold"].nunique().max() == 1
    results = json.loads(whole.results.read_text())
    assert results["auroc"]["value"] == pytest.approx(
        roc_auc_score(table["label"], table["p_abnormal"])
    )
    assert results["auroc"]["method"] == "delong-clustered"
    assert {row["group"] for row in results["subgroups"] if row["column"] == "fold"} == set("01")
    assert len(results["cross_validation"]["by_fold"]) == 2
    page = whole.report.read_text()
    assert "Out-of-fold" in page and 'id="cross_validation"' in page


def test_the_folds_are_an_ensemble_with_no_further_step(whole, easy_data, tmp_path):
    folder = next(text for text in easy_data if text.startswith("data.root=")).partition("=")[2]
    image = folder.replace("manifest.csv", "0.png")
    asked = [f"run={whole.path}", f"input={image}", f"output={tmp_path / 'p.csv'}"]
    found = medcnn.predict(asked)
    assert {"member_0", "member_1"} <= set(found.columns)
    assert 0 < found["p_abnormal"].iloc[0] < 1
    assert medcnn.evaluate([f"run={whole.path}"])["n"] == 96


def test_a_finished_one_is_left_and_a_killed_one_goes_on(whole, easy_data, folds, capsys):
    with pytest.raises(UserError, match="already"):
        medcnn.train([*easy_data, *folds, "data.fold=all", f"run_dir={whole.path}"])
    before = whole.results.read_bytes()
    medcnn.train([f"resume={whole.path}"])
    assert "is finished" in capsys.readouterr().out
    assert whole.results.read_bytes() == before
    # As if killed between the last fold and the report.
    whole.report.unlink()
    whole.results.unlink()
    checkpoints = [member.best_checkpoint.stat().st_mtime_ns for member in whole.members]
    medcnn.train([f"resume={whole.path}"])
    assert whole.report.is_file()
    assert checkpoints == [member.best_checkpoint.stat().st_mtime_ns for member in whole.members]
    again, first = json.loads(whole.results.read_text()), json.loads(before)
    assert again["auroc"] == first["auroc"]


def test_folds_that_ran_side_by_side_join_when_the_last_is_done(whole, tmp_path):
    for number, member in enumerate(whole.members):
        shutil.copytree(member.path, tmp_path / str(number))
    (tmp_path / "1" / "results.json").rename(tmp_path / "results.json")
    assert join_if_complete(RunDir(tmp_path / "0")) is None
    (tmp_path / "results.json").rename(tmp_path / "1" / "results.json")
    joint = join_if_complete(RunDir(tmp_path / "1"))
    assert joint.path.name == "cross_validation_0"
    assert joint.report.is_file() and joint.judgement.is_file()
    assert [member.path.resolve().name for member in joint.members] == ["0", "1"]
    ours, theirs = (pd.read_csv(each.predictions("test")) for each in (joint, whole))
    pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.long
def test_folds_by_multirun_join_too(whole, easy_data, folds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train.py"])
    sweep = f"hydra.sweep.dir={tmp_path / 'sweep'}"
    assert run("train", ["-m", *easy_data, *folds, "data.fold=0,1", sweep]) == 0
    joint = RunDir(tmp_path / "sweep" / "cross_validation_0")
    ours, theirs = (pd.read_csv(each.predictions("test")) for each in (joint, whole))
    pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        (["data.fold=all"], "needs the number of folds"),
        (["data.fold=all", "data.folds=1"], "data.folds cannot be 1"),
        (["data.fold=all", "data.folds=3", "model.dropout=7"], "model.dropout cannot be"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_trained(overrides, text, tmp_path):
    with pytest.raises(ConfigError, match=text):
        medcnn.train([*overrides, f"run_dir={tmp_path / 'r'}"])
    assert not (tmp_path / "r").exists()


def test_a_split_file_and_folds_exclude_each_other(tmp_path):
    (tmp_path / "s.csv").write_text("image_id,split\n")
    with pytest.raises(ConfigError, match="exclude each other"):
        medcnn.train(["data.fold=all", "data.folds=3", f"data.split={tmp_path / 's.csv'}"])


@pytest.fixture(scope="module")
def by_site(easy_data, tmp_path_factory):
    """Return folds by site with a threshold for strangers: three sites, a patient in two of them."""
    folder = tmp_path_factory.mktemp("sites")
    given = next(text for text in easy_data if text.startswith("data.root=")).partition("=")[2]
    table = pd.read_csv(given)
    table["path"] = [f"{given.removesuffix('/manifest.csv')}/{path}" for path in table["path"]]
    table["site"] = ["abc"[int(patient[1:]) // 2 % 3] for patient in table["patient_id"]]
    table.loc[table["image_id"] == "i60", "site"] = "c"
    table.to_csv(folder / "sites.csv", index=False)
    return medcnn.train(
        [
            *(text for text in easy_data if not text.startswith("data.root=")),
            *(
                f"data.root={folder / 'sites.csv'}",
                "data.fold_by=site",
                "data.fold=all",
                "data.folds=2",
            ),
            *("trainer.max_epochs=1", "optimizer.lr=0.01", "threshold.on=out_of_source"),
            f"run_dir={folder / 'cv'}",
        ]
    ).paths


def test_folds_by_site_never_see_what_they_are_tested_on(by_site):
    assert len(by_site.members) == 2
    for member in by_site.members:
        table = medcnn.Run(member.path).manifest.table
        train, test = (table[table["split"].isin(names)] for names in (["train", "val"], ["test"]))
        assert not set(train["site"]) & set(test["site"])
        assert not set(train["patient_id"]) & set(test["patient_id"])
    tested = pd.read_csv(by_site.predictions("test"))
    assert len(tested) == 96 and tested["image_id"].is_unique
    assert (tested.groupby("source")["fold"].nunique() == 1).all()


def test_their_report_says_what_to_expect_at_a_new_site(by_site):
    results = medcnn.Run(by_site.path).results
    assert results.new_site.sources == 3
    assert set(json.loads(by_site.results.read_text())["new_site"]) == {
        "sensitivity",
        "specificity",
        "auroc",
        "sources",
    }
    assert results.threshold.chosen_on == "out_of_source"
    assert any(getattr(each, "key", "") == "patients_of_several" for each in results.warnings)
    page = by_site.report.read_text()
    assert "At a new site" in page and 'id="sources"' in page
    assert "had no part in choosing it" not in page


def test_the_threshold_for_strangers_is_that_of_the_ensemble(by_site, easy_data, tmp_path):
    judgement = medcnn.Run(by_site.path).judgement
    assert judgement.threshold == medcnn.Run(by_site.path).results.threshold
    assert not any("for these numbers" in note for note in judgement.notes)  # which are of others
    folder = next(text for text in easy_data if text.startswith("data.root=")).partition("=")[2]
    image = folder.replace("manifest.csv", "0.png")
    asked = [f"run={by_site.path}", f"input={image}", f"output={tmp_path / 'p.csv'}"]
    assert medcnn.predict(asked)["threshold"].iloc[0] == pytest.approx(judgement.threshold.value)
    # Other views are judged by what is fitted anew, on what each fold says of its own validation.
    assert (
        medcnn.predict([*asked[:-1], f"output={tmp_path / 'light.csv'}", "tta=light"])["p_abnormal"]
        .between(0, 1)
        .all()
    )


def test_a_shift_is_seen_by_the_first_of_them_as_at_home(by_site, easy_data):
    folder = next(text for text in easy_data if text.startswith("data.root=")).partition("=")[2]
    asked = ShiftAsked(run=by_site.path, input=Path(folder).parent, images=30, permutations=19)
    looked = look_for_shift(by_site, asked)
    first, home = Record(by_site.member(0)), looked.home.table
    trained = set(first.manifest.split("train")["image_id"])
    assert len(home) and not trained & set(home["image_id"])
    said = pd.concat([first.predictions(name) for name in ("val", "test")]).set_index("image_id")
    assert home["p_abnormal"].tolist() == said.loc[home["image_id"], "p_abnormal"].tolist()
    assert looked.shift.results.threshold == first.threshold.value
    assert looked.shift.results.sentences[-1].key == "shift_first_fold"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["threshold.on=out_of_source"], "needs predictions for sources"),
        (["data.fold_by=site"], "data.fold_by needs folds"),
        (["data.fold_by=site", "data.fold=all"], "no column 'site' to fold by"),
        (
            ["data.fold_by=acquisition", "data.folds=5", "data.fold=0"],
            "too few images of each class",
        ),
    ],
)
def test_what_folds_by_source_lack_is_told(easy_data, tmp_path, asked, said):
    with pytest.raises(UserError, match=said):
        medcnn.train([*easy_data, *asked, f"run_dir={tmp_path / 'run'}"])


@pytest.mark.long
def test_folds_side_by_side_are_those_one_after_another(whole, easy_data, folds, tmp_path, capfd):
    given = [*easy_data, *folds, "data.fold=all", "parallel=2", f"run_dir={tmp_path / 'beside'}"]
    medcnn.train(given)
    said = capfd.readouterr().out
    assert "2 side by side" in said and "fold 2  test: 48 images" in said
    beside = RunDir(tmp_path / "beside")
    for name in ("predictions/val.csv", "predictions/test.csv", "results.json", "folds.csv"):
        assert (beside.path / name).read_bytes() == (whole.path / name).read_bytes(), name
    for one, other in zip(beside.members, whole.members, strict=True):
        assert one.results.read_bytes() == other.results.read_bytes()


def children_of(parent):
    """Return the processes of the slots of a command."""
    found = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(parent)],
        capture_output=True,
        text=True,
        check=False,  # it fails where there are none yet
    ).stdout
    return [int(line.split()[0]) for line in found.splitlines() if "LokyProcess" in line]


@pytest.mark.long
def test_a_killed_fold_is_named_the_other_kept_and_resume_goes_on(
    whole, easy_data, folds, tmp_path
):
    folder = tmp_path / "killed"
    given = [*easy_data, *folds, "data.fold=all", "parallel=2", f"run_dir={folder}"]
    command = [sys.executable, "-m", "medcnn.cli", "train"]
    begun = subprocess.Popen([*command, *given], stderr=subprocess.PIPE, text=True)
    while len(children := children_of(begun.pid)) < 2:
        assert begun.poll() is None
        time.sleep(0.1)
    os.kill(children[1], signal.SIGKILL)
    _, said = begun.communicate(timeout=900)
    assert begun.returncode == 2
    assert "1 of 2 failed: fold" in said and "was killed" in said
    done = [RunDir(folder).member(fold).results.is_file() for fold in range(2)]
    assert sorted(done) == [False, True]
    assert run("train", [f"resume={folder}"]) == 0
    for name in ("predictions/test.csv", "results.json"):
        assert (folder / name).read_bytes() == (whole.path / name).read_bytes(), name
