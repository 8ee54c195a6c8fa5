import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import medcnn
from medcnn.calibration import local_head
from medcnn.calibration.calibrator import Calibrator
from medcnn.cli import run
from medcnn.data.manifest import read_table
from medcnn.evaluation.adapted import Adaptation
from medcnn.files.hashing import sha256_of
from medcnn.files.plain import read_json
from medcnn.files.records import from_json
from medcnn.inference.loading import read_checkpoint
from medcnn.inference.runs import assemble, batches_of
from medcnn.inference.settings import Inference
from medcnn.predictions import read_predictions
from medcnn.run.directory import RunDir
from medcnn.run.hashes import hashes_of


@pytest.fixture(scope="module")
def local(tmp_path_factory, draw_hospital):
    """Return 160 images of a place whose images are brighter, so that home's threshold is wrong."""
    return draw_hospital(tmp_path_factory.mktemp("local"), 160, 21, apart=6.0, shift=12.0)


@pytest.fixture(scope="module")
def parent(wider_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parent") / "run"
    shutil.copytree(wider_run.path, folder)
    return RunDir(folder)


@pytest.fixture(scope="module")
def adapted(parent, local):
    before = hashes_of(parent)
    words = [f"run={parent.path}", "data=folder", f"data.root={local}", "labels=60"]
    assert run("adapt", words) == 0
    assert hashes_of(parent) == before
    return RunDir(parent.path.parent / "run_adapted_60")


def record_of(found):
    return from_json(Adaptation, read_json(found.path / "adaptation.json"), "adaptation.json")


def test_threshold_and_calibrator_are_of_the_labelled_cases_and_the_rest_is_the_test(
    adapted, parent
):
    val, test = (read_predictions(adapted.predictions(split)) for split in ("val", "test"))
    assert (len(val), len(test)) == (60, 100)
    assert not set(val["patient_id"]) & set(test["patient_id"])
    found = medcnn.Run(adapted.path)
    assert found.threshold == found.judgement.threshold
    assert found.threshold.value != medcnn.Run(parent.path).threshold.value
    for table in (val, test):
        p = found.judgement.calibrator.probability(table["logit"])
        np.testing.assert_allclose(table["p_abnormal"], p, atol=1e-8)


def test_before_and_after_are_of_the_same_unused_cases(adapted, parent):
    record, results = record_of(adapted), read_json(adapted.results)
    assert record.after.n == record.before.n == results["n"] == 100
    assert record.after.sensitivity.value == results["sensitivity"]["value"]
    old = medcnn.Run(parent.path).judgement
    test = read_predictions(adapted.predictions("test"))
    called = old.calibrator.probability(test["logit"]) >= old.threshold.value
    normal = (test["label"] == 0).to_numpy()
    assert record.before.specificity.value == pytest.approx(1 - called[normal].mean())
    # Brighter images are called abnormal at home's threshold.
    assert record.before.specificity.value < record.after.specificity.value
    change = record.differences["specificity"]
    assert change.low < record.after.specificity.value - record.before.specificity.value
    assert any("On 100 images that were not used" in text for text in results["warnings"])


def test_the_parent_is_remembered_and_what_was_fitted_to_is_refused(adapted, parent, local, capsys):
    record = record_of(adapted)
    assert record.parent.judgement_sha256 == sha256_of(parent.judgement)
    assert record.parent.checkpoint_sha256 == (sha256_of(parent.best_checkpoint),)
    known = read_table(adapted.manifest)
    assert known["split"].value_counts().to_dict() == {"train": 170, "test": 100, "val": 60}
    words = [f"run={adapted.path}", "data=folder", f"data.root={local}"]
    assert run("evaluate", words) == 2
    assert "60 of 160 images" in capsys.readouterr().err


def test_the_new_run_predicts_like_any_other(adapted, tmp_path):
    test = read_predictions(adapted.predictions("test")).set_index("image_id")
    table = read_table(adapted.manifest).query("split == 'test'").head(3)
    for name, path in zip(table["image_id"], table["path"], strict=True):
        found = medcnn.predict(
            [f"run={adapted.path}", f"input='{path}'", f"output={tmp_path / 'p.csv'}", "exact=true"]
        ).iloc[0]
        assert found["p_abnormal"] == pytest.approx(test.loc[name, "p_abnormal"], abs=1e-4)
        assert found["threshold"] == pytest.approx(medcnn.Run(adapted.path).threshold.value)


def test_all_labels_and_new_statistics_give_cross_fitted_numbers(parent, local, tmp_path):
    out = RunDir(tmp_path / "all")
    words = [f"run={parent.path}", "data=folder", f"data.root={local}", f"output={out.path}"]
    assert run("adapt", [*words, "labels=all", "adapt.batch_norm=true", "language=de"]) == 0
    record, results = record_of(out), read_json(out.results)
    assert record.after is None and results["n"] == 160
    assert record.cross_fitted.sensitivity.value == results["sensitivity"]["value"]
    assert record.batch_norm and record.smoothed
    assert any("cross-fitted" in text for text in results["warnings"])
    assert sha256_of(out.best_checkpoint) != sha256_of(parent.best_checkpoint)
    val, test = (pd.read_csv(out.predictions(split)) for split in ("val", "test"))
    assert val["image_id"].tolist() == test["image_id"].tolist()
    assert not np.allclose(val["p_abnormal"], test["p_abnormal"])
    page = out.report.read_text("utf-8")
    assert "kreuzweise angepasst" in page and "an seiner Wahl keinen Anteil" not in page


@pytest.fixture(scope="module")
def ensemble(parent, tmp_path_factory):
    """Return two members whose answers are made one by their mean."""
    whole = RunDir(tmp_path_factory.mktemp("ensemble") / "run")
    shutil.copytree(parent.path, whole.path)
    for number in range(2):
        shutil.copytree(parent.path, whole.member(number).path)
    judgement = medcnn.Run(parent.path).judgement
    both = replace(judgement, merges=judgement.merges * 2, calibrator=Calibrator())
    both.save(whole.judgement)
    whole.environment.unlink()  # whose hashes are of one member
    return whole


@pytest.mark.parametrize("whole", ["parent", "ensemble"])
def test_the_head_is_refitted_kept_and_judged_on_what_it_did_not_see(
    whole, local, tmp_path, request, monkeypatch, capsys
):
    monkeypatch.setattr(local_head, "STRENGTHS", (0.5,))  # it moves, whether that helps or not
    source, out = request.getfixturevalue(whole), RunDir(tmp_path / "new")
    words = [f"run={source.path}", "data=folder", f"data.root={local}", f"output={out.path}"]
    assert run("adapt", [*words, "labels=100", "adapt.head=true"]) == 0
    assert f"{out.path} recorded no hashes" not in " ".join(capsys.readouterr().err.split())
    record, judgement = record_of(out), medcnn.Run(out.path).judgement
    places, old = out.members or [out], source.members or [source]
    assert record.head == (0.5,) * len(places)
    assert record.parent.checkpoint_sha256 == tuple(sha256_of(each.best_checkpoint) for each in old)
    for new, before in zip(places, old, strict=True):
        one, other = (read_checkpoint(each.best_checkpoint)["state_dict"] for each in (new, before))
        changed = {name for name, value in other.items() if not torch.equal(one[name], value)}
        assert changed - {"temperature", "threshold"} == {
            "network.linear.weight",
            "network.linear.bias",
        }
    val, test = (pd.read_csv(out.predictions(split)) for split in ("val", "test"))
    panel, rows = assemble([out], Inference()), read_table(out.manifest)
    for table, seen in ((val, False), (test, True)):
        batch = rows.set_index("image_id").loc[table["image_id"].tolist()].reset_index()
        batches = batches_of(panel.predictor.members, batch, medcnn.Run(out.path).manifest, 64)
        says = panel.columns(panel.predictor.through(batches)[1])["logit"]
        assert np.allclose(says, table["logit"], atol=1e-4) == seen
        p = judgement.calibrator.probability(table["logit"])
        np.testing.assert_allclose(table["p_abnormal"], p, atol=1e-8)
    assert any("last layer" in text for text in read_json(out.results)["warnings"])


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (["labels=161"], "labels=161 is more than there are"),
        (["labels=6"], "too few to fit anything to"),
        (["labels=36", "adapt.head=true"], "too few to refit the head"),
        (["labels=none"], "labels cannot be"),
        (["threshold=yuoden"], "threshold rule"),
        (["split=test"], "without a split"),
        (["output=PARENT"], "a run in"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_left(
    parent, local, tmp_path, overrides, complaint, capsys
):
    given = [text.replace("PARENT", str(parent.path)) for text in overrides]
    out = tmp_path / "out"
    words = [f"run={parent.path}", "data=folder", f"data.root={local}", f"output={out}", *given]
    assert run("adapt", words) == 2
    assert complaint in capsys.readouterr().err
    assert not out.exists()


def test_statistics_of_an_ensemble_are_refused_and_nothing_is_left(
    ensemble, local, tmp_path, capsys
):
    words = [
        f"run={ensemble.path}",
        "data=folder",
        f"data.root={local}",
        f"output={tmp_path / 'out'}",
    ]
    assert run("adapt", [*words, "adapt.batch_norm=true"]) == 2
    assert "adapt one of them" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_data_or_a_judgement_it_is_refused(parent, local, tmp_path, capsys):
    assert run("adapt", [f"run={parent.path}"]) == 2
    assert "labelled images of elsewhere" in capsys.readouterr().err
    bare = RunDir(tmp_path / "bare")
    shutil.copytree(parent.path, bare.path)
    bare.judgement.unlink()
    assert run("adapt", [f"run={bare.path}", "data=folder", f"data.root={local}"]) == 2
    assert "no judgement" in capsys.readouterr().err


def test_the_trainings_own_images_are_refused(parent, tmp_path, capsys):
    root = json.loads(json.dumps(medcnn.Run(parent.path).config["data"]["root"]))
    assert run("adapt", [f"run={parent.path}", "data=folder", f"data.root={root}"]) == 2
    assert "belong to the training" in capsys.readouterr().err
