"""The commands as a user runs them, on a small phantom."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

import medcnn
from medcnn.errors import DataError, UserError, WeightsError
from medcnn.run.directory import RunDir

ROOT = Path(__file__).resolve().parent.parent
SMALL = [
    "experiment=xray_resnet",
    "data.source.n_images=90",
    "data.source.size=96",
    "data.source.difficulty=0.0",
    "data.image_size=32",
    "data.batch_size=16",
    "model=tiny_resnet",
    "model.widths=[8,16]",
    "trainer.max_epochs=5",
    "callbacks.patience=5",
]
CONTRACT = {
    "split", "n", "n_patients", "prevalence", "threshold", "sensitivity", "specificity", "ppv",
    "npv", "accuracy", "balanced_accuracy", "f1", "mcc", "auroc", "average_precision",
    "sensitivity_at_specificity", "specificity_at_sensitivity", "calibration", "confusion",
    "subgroups", "uncertainty",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "a"
    return medcnn.train([*SMALL, f"run_dir={folder}", "subgroups=[sex]"]).paths


def test_a_run_leaves_what_the_contract_names(run):
    for path in (
        run.config, run.environment, run.manifest, run.audit, run.metrics, run.best_checkpoint,
        run.last_checkpoint, run.predictions("val"), run.predictions("test"), run.results,
        run.report,
    ):  # fmt: skip
        assert path.is_file(), path
    assert list(run.figures.glob("*.png"))
    results = json.loads(run.results.read_text())
    assert set(results) >= CONTRACT
    assert results["threshold"]["chosen_on"] == "val"
    for name in ("sensitivity", "specificity", "auroc"):
        low, high = results[name]["ci"]
        assert low <= results[name]["value"] <= high
    environment = json.loads(run.environment.read_text())
    assert environment["finished"]
    assert environment["test_looks"] >= 1


def test_the_numbers_are_those_of_the_predictions(run):
    table = pd.read_csv(run.predictions("test"))
    results = json.loads(run.results.read_text())
    assert results["auroc"]["value"] == pytest.approx(
        roc_auc_score(table["label"], table["p_abnormal"])
    )
    called = table["p_abnormal"] >= results["threshold"]["value"]
    assert results["confusion"]["tp"] == int((called & (table["label"] == 1)).sum())


def test_no_patient_stands_in_two_splits(run):
    manifest = pd.read_csv(run.manifest)
    assert manifest.groupby("patient_id")["split"].nunique().max() == 1
    assert set(manifest["split"]) == {"train", "val", "test"}


def test_a_leak_that_was_let_pass_stands_in_the_report(easy_data, tmp_path):
    source = Path(easy_data[1].removeprefix("data.root="))
    table = pd.read_csv(source)
    table["path"] = [str(source.parent / name) for name in table["path"]]
    table["split"] = ["train", "train", "train", "val", "test"] * 12 + ["train"] * 36
    table["patient_id"] = table["image_id"]
    copy = table.iloc[[0]].assign(image_id="copy", patient_id="copy", split="test")
    pd.concat([table, copy]).to_csv(tmp_path / "leak.csv", index=False)
    given = [f"data.root={tmp_path / 'leak.csv'}", "data.audit=warn", f"run_dir={tmp_path / 'run'}"]
    run = medcnn.train([*easy_data, *given, "trainer.max_epochs=1"]).paths
    told = "1 group of identical images stands across splits: i0 = copy."
    assert told in json.loads(run.results.read_text())["warnings"]
    assert told in run.report.read_text()


def test_learning_curves_have_a_row_an_epoch(run):
    curves = pd.read_csv(run.metrics)
    assert curves["epoch"].tolist() == list(range(len(curves)))
    assert {"train_loss", "val_loss", "val_auroc", "lr"} <= set(curves.columns)
    assert curves[["train_loss", "val_loss", "val_auroc"]].notna().all().all()


def test_checkpoints_are_data_and_carry_the_frozen_threshold(run):
    best = torch.load(run.best_checkpoint, weights_only=True)
    torch.load(run.last_checkpoint, weights_only=True)
    results = json.loads(run.results.read_text())
    judgement = json.loads(run.judgement.read_text())
    assert judgement["threshold"] == results["threshold"]
    assert float(best["state_dict"]["threshold"]) == judgement["threshold"]["value"]
    assert "optimizer_states" not in best
    assert run.best_checkpoint.stat().st_size < run.last_checkpoint.stat().st_size / 2


def test_a_run_killed_and_resumed_with_workers_gives_the_predictions_of_one_without(
    run, tmp_path, capsys
):
    folder = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *SMALL, f"run_dir={folder}", "data.num_workers=2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    )
    for line in process.stdout:
        if line.startswith("epoch   1"):
            os.kill(process.pid, signal.SIGKILL)
            break
    process.wait(60)
    assert not (folder / "results.json").exists()
    capsys.readouterr()
    medcnn.train([f"resume={folder}"])
    assert "epoch   5/5" in capsys.readouterr().out
    for split in ("val", "test"):
        ours, theirs = (pd.read_csv(one.predictions(split)) for one in (run, RunDir(folder)))
        assert ours["image_id"].tolist() == theirs["image_id"].tolist()
        np.testing.assert_array_equal(ours["p_abnormal"], theirs["p_abnormal"])


def test_a_finished_run_is_not_overwritten(run):
    before = run.results.read_bytes()
    with pytest.raises(UserError, match="already"):
        medcnn.train([*SMALL, f"run_dir={run.path}"])
    medcnn.train([f"resume={run.path}"])
    assert run.results.read_bytes() == before


def test_evaluate_repeats_the_results_and_counts_the_look(run):
    looks = json.loads(run.environment.read_text())["test_looks"]
    again = medcnn.evaluate([f"run={run.path}"])
    assert again["auroc"] == json.loads(run.results.read_text())["auroc"]
    assert json.loads(run.environment.read_text())["test_looks"] == looks + 1


def test_evaluate_takes_the_training_split_and_bare_predictions(run, tmp_path):
    on_train = medcnn.evaluate([f"run={run.path}", "split=train", f"output={tmp_path / 't'}"])
    assert on_train["n"] == int((pd.read_csv(run.manifest)["split"] == "train").sum())
    path = tmp_path / "p.csv"
    pd.DataFrame({"label": [0, 1, 0, 1], "p_abnormal": [0.1, 0.9, 0.4, 0.35]}).to_csv(path)
    bare = medcnn.evaluate([f"predictions={path}", "threshold=0.5"])
    assert bare["confusion"] == {"tp": 1, "fp": 0, "tn": 2, "fn": 1}
    assert (tmp_path / "p_evaluation" / "report.html").is_file()


def test_a_rule_is_never_chosen_on_test(run, tmp_path):
    path = tmp_path / "p.csv"
    pd.DataFrame({"label": [0, 1], "p_abnormal": [0.1, 0.9]}).to_csv(path)
    with pytest.raises(DataError, match="chosen on validation"):
        medcnn.evaluate([f"predictions={path}", "threshold=youden"])
    with pytest.raises(UserError, match="frozen"):
        medcnn.evaluate([f"run={run.path}", "threshold=youden"])


def test_compare_pairs_two_runs(run, tmp_path):
    found = medcnn.evaluate([f"compare=[{run.path},{run.path}]", f"output={tmp_path}"])
    assert found
    assert (tmp_path / "comparison.json").is_file()


def test_predict_gives_what_the_run_gave_and_quarantines_a_broken_file(run, tmp_path):
    manifest = pd.read_csv(run.manifest).query("split == 'test'")
    folder = tmp_path / "in"
    folder.mkdir()
    for path in manifest["path"]:
        (folder / Path(path).name).symlink_to(path)
    (folder / "broken.dcm").write_bytes(b"not an image")
    asked = [f"run={run.path}", f"input={folder}"]
    table = medcnn.predict([*asked, f"output={tmp_path / 'o.csv'}", "exact=true"])
    assert len(table) == len(manifest) + 1
    broken = table.set_index("image_id").loc["broken.dcm"]
    assert broken["error"]
    assert pd.isna(broken["p_abnormal"])
    saved = pd.read_csv(run.predictions("test")).set_index("image_id")["p_abnormal"]
    by_name = {
        Path(path).name: name
        for path, name in zip(manifest["path"], manifest["image_id"], strict=True)
    }
    for row in table[table["error"].isna()].itertuples():
        assert row.p_abnormal == pytest.approx(saved[by_name[row.image_id]], abs=1e-5)
    quick = medcnn.predict([*asked, f"output={tmp_path / 'quick.csv'}"])
    np.testing.assert_allclose(quick["p_abnormal"], table["p_abnormal"], atol=0.02)
    assert quick["decision"].tolist() == table["decision"].tolist()


def test_an_unfinished_run_and_a_foreign_checkpoint_are_refused(run, tmp_path, seal):
    import pickle
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    (copy / "checkpoints" / "best.ckpt").write_bytes(pickle.dumps(os.system))
    seal(copy)
    with pytest.raises(WeightsError, match="cannot be read"):
        medcnn.evaluate([f"run={copy}", "split=train"])
    shutil.copyfile(run.best_checkpoint, copy / "checkpoints" / "best.ckpt")
    (copy / "judgement.json").unlink()
    seal(copy)
    with pytest.raises(WeightsError, match="not finished"):
        medcnn.predict([f"run={copy}", f"input={tmp_path}", f"output={tmp_path / 'o.csv'}"])
