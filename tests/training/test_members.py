"""Ensembles, views and stochastic passes as a user runs them, on a small phantom."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import medcnn
from medcnn.errors import ConfigError, DataError
from medcnn.files.plain import read_json
from medcnn.inference.runs import assemble
from medcnn.inference.settings import AskedViews, Inference
from medcnn.predictions import read_predictions
from medcnn.run.directory import RunDir

SMALL = [
    "data.source.n_images=90",
    "data.source.size=96",
    "data.source.difficulty=0.0",
    "data.image_size=32",
    "data.batch_size=16",
    "model=tiny_resnet",
    "model.widths=[8,16]",
    "trainer.max_epochs=1",
]


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")

    def run(name, *overrides):
        return medcnn.train([*SMALL, *overrides, f"run_dir={folder / name}"]).paths

    return run


@pytest.fixture(scope="module")
def run(train):
    return train("whole", "ensemble.members=2", "tta=flips", "mc_samples=3", "ensemble.vote=logit")


@pytest.fixture(scope="module")
def other(train):
    return train("other", "seed=5", "model.dropout=0")


def test_an_ensemble_leaves_one_run_with_its_members(run):
    assert [member.path.name for member in run.members] == ["0", "1"]
    seeds = [yaml.safe_load(member.config.read_text())["seed"] for member in run.members]
    assert seeds == [0, 1]
    assert not run.best_checkpoint.exists()  # the weights are those of the members
    for member in run.members:
        assert member.judgement.is_file() and member.best_checkpoint.is_file()
    curves = pd.read_csv(run.metrics)
    assert list(curves["member"]) == [0, 1]
    assert run.report.is_file()


def test_its_table_holds_every_part_of_the_doubt(run):
    table = read_predictions(run.predictions("test"))
    names = {"member_0", "member_1", "tta_std", "std", "mutual_information", "expected_entropy"}
    assert names <= set(table)
    whole = table["expected_entropy"] + table["mutual_information"]
    np.testing.assert_allclose(table["entropy"], whole, atol=1e-7)
    assert table["p_abnormal"].between(0, 1).all()


def test_the_threshold_was_chosen_on_validation_for_the_whole(run):
    chosen = read_json(run.judgement)["threshold"]
    results = read_json(run.results)["threshold"]
    assert results["value"] == chosen["value"]
    assert chosen["chosen_on"] == "val"


def test_evaluate_predicts_again_what_training_predicted(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "copy")
    copy = RunDir(tmp_path / "copy")
    saved = read_predictions(copy.predictions("test"))
    copy.predictions("test").unlink()
    medcnn.evaluate([f"run={copy.path}", f"output={tmp_path / 'e'}"])
    again = read_predictions(tmp_path / "e" / "predictions.csv")
    for name in ("p_abnormal", "std", "tta_std", "member_1"):
        np.testing.assert_allclose(again[name], saved[name], atol=1e-6)


def test_predict_gives_a_file_what_the_run_gave_it(run, tmp_path):
    rows = pd.read_csv(run.manifest).query("split == 'test'").head(3)
    folder = tmp_path / "in"
    folder.mkdir()
    for image_id, path in zip(rows["image_id"], rows["path"], strict=True):
        (folder / f"{image_id}.dcm").symlink_to(path)
    (folder / "broken.dcm").write_bytes(b"nothing")
    asked = [f"run={run.path}", f"input={folder}", f"output={tmp_path / 'o.csv'}"]
    table = medcnn.predict([*asked, "exact=true"])
    found = table.assign(image_id=[Path(name).stem for name in table["image_id"]])
    found = found.set_index("image_id")
    saved = read_predictions(run.predictions("test")).set_index("image_id")
    assert found.loc["broken", "error"]
    for image_id in rows["image_id"]:
        for name in ("p_abnormal", "std", "member_0"):
            assert float(found.loc[image_id, name]) == pytest.approx(
                saved.loc[image_id, name], abs=1e-5
            )


def test_a_killed_ensemble_goes_on_with_the_member_it_was_at(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "copy")
    copy = RunDir(tmp_path / "copy")
    saved = read_predictions(run.predictions("test"))
    for path in (copy.results, copy.report, copy.judgement, copy.predictions("test")):
        path.unlink()
    kept = copy.member(0).best_checkpoint.stat().st_mtime_ns
    shutil.rmtree(copy.member(1).path)
    medcnn.train([f"resume={copy.path}"])
    assert copy.member(0).best_checkpoint.stat().st_mtime_ns == kept
    again = read_predictions(copy.predictions("test"))
    np.testing.assert_allclose(again["p_abnormal"], saved["p_abnormal"], atol=1e-6)


def test_members_side_by_side_are_those_one_after_another(run, train, capfd):
    beside = train(
        "beside",
        "ensemble.members=2",
        "tta=flips",
        "mc_samples=3",
        "ensemble.vote=logit",
        "parallel=2",
    )
    said = capfd.readouterr().out
    assert "2 side by side" in said and "member 2  seed 1" in said
    for name in ("predictions/val.csv", "predictions/test.csv", "results.json", "judgement.json"):
        assert (beside.path / name).read_bytes() == (run.path / name).read_bytes(), name
    for one, other in zip(run.members, beside.members, strict=True):
        weights, same = (
            torch.load(member.best_checkpoint, weights_only=True)["state_dict"]
            for member in (one, other)
        )
        assert all(torch.equal(weights[name], same[name]) for name in weights)
    noted, again = read_json(run.environment), read_json(beside.environment)
    for key in ("weights", "pixel_mean", "precision", "threads", "warnings", "notices"):
        assert noted[key] == again[key], key


def test_other_ways_are_fitted_on_validation_and_named(run, tmp_path):
    results = medcnn.evaluate([f"run={run.path}", "tta=none", "mc_samples=0", "vote=soft"])
    folder = run.path / "evaluations" / "test_vote-soft_tta-none"
    table = read_predictions(folder / "predictions.csv")
    assert results["threshold"]["chosen_on"] == "val"
    assert "tta_std" not in table
    medcnn.evaluate([f"run={run.member(0).path}", f"output={tmp_path}"])
    alone = read_predictions(tmp_path / "predictions.csv")
    np.testing.assert_allclose(table["member_0"], alone["p_abnormal"], atol=1e-6)


def test_runs_of_different_networks_are_one_ensemble(run, other, tmp_path):
    results = medcnn.evaluate([f"run=[{run.path},{other.path}]", f"output={tmp_path}"])
    table = read_predictions(tmp_path / "predictions.csv")
    assert {"member_0", "member_1", "member_2"} <= set(table)
    np.testing.assert_allclose(
        1 / (1 + np.exp(-table["logit"])), table[["member_0", "member_1", "member_2"]].mean(axis=1)
    )
    assert results["threshold"]["chosen_on"] == "val"


def test_injected_dropout_stands_in_the_report(other, tmp_path):
    with pytest.raises(ConfigError, match=r"mc\.inject=head"):
        medcnn.evaluate([f"run={other.path}", "mc_samples=3"])
    options = [f"run={other.path}", "mc_samples=3", "mc.inject=head", f"output={tmp_path}"]
    results = medcnn.evaluate(options)
    assert any("was given dropout" in text for text in results["warnings"])
    assert "was given dropout" in (tmp_path / "report.html").read_text()


def test_a_member_trained_on_the_test_patients_is_refused(run, train, tmp_path):
    table = pd.read_csv(run.manifest)
    swapped = {"train": "test", "test": "train", "val": "val"}
    moved = table.assign(split=table["split"].map(swapped))
    moved.to_csv(tmp_path / "moved.csv", index=False)
    leaky = train("leaky", f"data.split={tmp_path / 'moved.csv'}")
    with pytest.raises(DataError, match="trained on test patients"):
        medcnn.evaluate([f"run=[{run.path},{leaky.path}]"])


def test_folds_are_judged_on_what_each_predicts_for_its_own_validation(train, tmp_path):
    folds = [train(f"fold{fold}", "data.folds=3", f"data.fold={fold}") for fold in range(2)]
    paths = ",".join(str(fold.path) for fold in folds)
    with pytest.raises(DataError, match="trained on test patients"):
        medcnn.evaluate([f"run=[{paths}]", f"output={tmp_path}"])
    panel = assemble(folds, Inference())
    assert "each other's training images" in panel.notes[0]
    values = [member.threshold.value for member in panel.predictor.members]
    assert panel.judgement.threshold.value not in values
    with pytest.raises(ConfigError, match="share no validation images"):
        assemble(folds, Inference(AskedViews(vote="stacked")))
    image = pd.read_csv(folds[0].manifest)["path"][0]
    found = medcnn.predict([f"run=[{paths}]", f"input='{image}'", f"output={tmp_path / 'o.csv'}"])
    assert {"member_0", "member_1"} <= set(found)


def test_snapshots_of_one_training_are_members(train):
    run = train(
        "snapshots",
        "ensemble.members=2",
        "ensemble.kind=snapshots",
        "scheduler.cycles=2",
        "trainer.max_epochs=2",
    )
    steps = [
        torch.load(member.best_checkpoint, weights_only=True)["global_step"]
        for member in run.members
    ]
    total = pd.read_csv(run.metrics)["step"].max()
    assert steps[1] == total
    assert steps[0] == pytest.approx(0.55 * total, abs=1)  # a tenth is warm-up
    table = read_predictions(run.predictions("test"))
    assert not np.allclose(table["member_0"], table["member_1"])


def test_snapshots_need_as_many_cycles(train):
    with pytest.raises(ConfigError, match=r"scheduler\.cycles=2"):
        train("wrong", "ensemble.members=2", "ensemble.kind=snapshots")
