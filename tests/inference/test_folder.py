"""Folders through runs that are written, not trained: fast, and lively enough to decide."""

import json
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

import medcnn
from medcnn.errors import ConfigError, DataError, UserError
from medcnn.inference.ledger import Ledger, ledger_path
from medcnn.io import read_image_resized


@pytest.fixture(scope="module")
def run(made_run):
    return made_run()


@pytest.fixture(scope="module")
def images(make_folder):
    return make_folder(40)


def predict(run, images, output, *more):
    return medcnn.predict([f"run={run.path}", f"input={images}", f"output={output}", *more])


def test_every_file_gets_a_row_and_none_stops_the_others(run, make_folder, tmp_path):
    images = make_folder(20)
    (images / "torn.dcm").write_bytes((images / "ward2" / "0002.dcm").read_bytes()[:700])
    (images / "nothing.png").write_bytes(b"")
    (images / "noise").write_bytes(np.random.default_rng(0).bytes(3000))
    (images / "1.2.840.113619.7").write_bytes((images / "ward2" / "0005.dcm").read_bytes())
    (images / "notes.txt").write_text("left out")
    (images / ".hidden.png").write_bytes(b"left out")
    table = predict(run, images, tmp_path / "o.csv", "batch_size=7").set_index("image_id")
    assert len(table) == 24
    bad = ["torn.dcm", "nothing.png", "noise"]
    assert table.loc[bad, "error"].notna().all()
    assert table.loc[bad, ["p_abnormal", "p_low", "decision"]].isna().all().all()
    assert table.drop(index=bad)["error"].isna().all()
    twin, original = table.loc[["1.2.840.113619.7", "ward2/0005.dcm"], "p_abnormal"]
    assert twin == pytest.approx(original, abs=0.02)
    assert table.loc["ward2/0005.dcm", "patient_id"] == "P0"
    record = json.loads((tmp_path / "o.csv.json").read_text())
    assert sum(record["not_readable"].values()) == 3


def test_the_numbers_are_those_of_the_network_on_the_pixels(run, images, tmp_path):
    import torch

    from medcnn.inference.loading import load_model

    model = load_model(run)
    table = predict(run, images, tmp_path / "o.csv", "exact=true").set_index("image_id")
    for name in table.index[::7]:
        pixels, _ = read_image_resized(images / name, 32, exact=False)
        with torch.no_grad():
            logit = model(torch.from_numpy(pixels / np.float32(255))[None, None]).double().numpy()
        p = 1 / (1 + np.exp(-logit[0] / 1.5))
        assert table.loc[name, "p_abnormal"] == pytest.approx(p, abs=1e-5)
        assert table.loc[name, "decision"] == ("abnormal" if p >= 0.5 else "normal")
    assert set(table["decision"]) == {"normal", "abnormal"}
    assert (table["p_low"] <= table["p_high"]).all()


def test_parquet_holds_what_csv_holds(run, images, tmp_path):
    (left, right) = (predict(run, images, tmp_path / f"o.{kind}") for kind in ("csv", "parquet"))
    assert list(left) == list(right)
    numbers = left.select_dtypes("number").columns
    np.testing.assert_allclose(left[numbers].to_numpy(), right[numbers].to_numpy(), rtol=1e-8)
    assert left["decision"].tolist() == right["decision"].tolist()


def test_a_second_prediction_computes_only_what_is_new_or_changed(run, make_folder, tmp_path):
    images = make_folder(12)
    output = tmp_path / "o.csv"
    before = predict(run, images, output).set_index("image_id")["p_abnormal"]
    marked = _mark(output)
    cv2.imwrite(str(images / "ward0" / "0000.jpg"), np.full((40, 40), 200, np.uint8))
    cv2.imwrite(str(images / "added.png"), np.full((40, 40), 90, np.uint8))
    (images / "ward1" / "0001.png").unlink()
    after = predict(run, images, output).set_index("image_id")
    assert "ward1/0001.png" not in after.index
    assert after.loc["added.png", "p_abnormal"] > 0
    assert after.loc["ward0/0000.jpg", "p_abnormal"] != before["ward0/0000.jpg"]
    kept = marked.intersection(after.index).difference(["ward0/0000.jpg"])
    assert (after.loc[kept, "entropy"] == 0.125).all()
    fresh = after.index.difference(kept)
    assert not (after.loc[fresh, "entropy"] == 0.125).any()
    anew = predict(run, images, output, "resume=false")
    assert not (anew["entropy"] == 0.125).any()


def _mark(output):
    """Give every row in the ledger a value that no prediction has."""
    import sqlite3

    base = sqlite3.connect(ledger_path(output))
    rows = base.execute("SELECT name, row FROM files").fetchall()
    marked = [(json.dumps(json.loads(row) | {"entropy": 0.125}), name) for name, row in rows]
    base.executemany("UPDATE files SET row = ? WHERE name = ?", marked)
    base.commit()
    base.close()
    return pd.Index([name for name, _ in rows])


def test_a_stopped_prediction_goes_on_after_its_last_batch(run, images, tmp_path, monkeypatch):
    from medcnn.inference.quick import QuickPanel

    answers, calls = QuickPanel.answers, []

    def stop(self, *given):
        calls.append(len(given[1]))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return answers(self, *given)

    options = ("batch_size=8", "num_workers=0", "exact=true")
    monkeypatch.setattr(QuickPanel, "answers", stop)
    with pytest.raises(KeyboardInterrupt):
        predict(run, images, tmp_path / "o.csv", *options)
    assert not (tmp_path / "o.csv").exists()
    predict(run, images, tmp_path / "o.csv", *options)
    assert sum(calls[4:]) == 40 - 24
    monkeypatch.undo()
    whole = predict(run, images, tmp_path / "whole.csv", *options)
    gone_on = pd.read_csv(tmp_path / "o.csv")
    assert gone_on["image_id"].tolist() == whole["image_id"].tolist()
    np.testing.assert_allclose(gone_on["p_abnormal"], whole["p_abnormal"], atol=1e-6)


def test_predictions_of_different_models_never_mix(run, made_run, images, tmp_path):
    other = made_run("other", seed=7)
    output = tmp_path / "o.csv"
    predict(run, images, output)
    with pytest.raises(DataError, match=r"same checkpoints(.|\n)*resume=false"):
        predict(other, images, output)
    predict(other, images, output, "resume=false")
    record = json.loads((tmp_path / "o.csv.json").read_text())
    assert len(record["checkpoints"]) == 1


def test_two_processes_do_not_write_one_output(run, images, tmp_path):
    output = tmp_path / "o.csv"
    with (
        Ledger(ledger_path(output), {"any": 1}, resume=True),
        pytest.raises(UserError, match="in use"),
    ):
        predict(run, images, output)


def test_other_safeguards_need_no_second_look_at_the_images(run, images, tmp_path, monkeypatch):
    from medcnn.inference.quick import QuickPanel

    output = tmp_path / "o.csv"
    plain = predict(run, images, output)

    def never(*_):
        raise AssertionError("the network was asked again")

    monkeypatch.setattr(QuickPanel, "answers", never)
    asked = ["alpha=0.1", "refer=10%"]
    table = predict(run, images, output, *asked)
    assert {"conformal_set", "referred"} <= set(table)
    assert table["p_abnormal"].tolist() == plain["p_abnormal"].tolist()


@pytest.mark.parametrize("shift", ["em", "0.1"])
def test_the_second_pass_in_slices_is_that_over_the_whole(
    run, images, tmp_path, monkeypatch, shift
):
    from medcnn.calibration.settings import Safeguards
    from medcnn.evaluation.safeguards import safeguard_files
    from medcnn.predictions import read_predictions

    asked = {"alpha": 0.1, "refer": "20%", "prior_shift": "em" if shift == "em" else float(shift)}
    plain = predict(run, images, tmp_path / "plain.csv", "exact=true")
    given = [f"{key}={value}" for key, value in asked.items()]
    monkeypatch.setattr("medcnn.inference.ledger.SLICE", 7)
    monkeypatch.setattr(Ledger.slices, "__defaults__", (7,))
    sliced = predict(run, images, tmp_path / "o.csv", "exact=true", *given)
    val = read_predictions(run.predictions("val"))
    whole, _ = safeguard_files(val, plain, Safeguards(**asked))
    for name in ("p_abnormal", "p_before_shift"):
        np.testing.assert_allclose(sliced[name], whole[name], atol=1e-7)
    for name in ("decision", "conformal_set", "referred"):
        assert sliced[name].tolist() == whole[name].tolist()
    assert (sliced["p_low"] < sliced["p_high"]).all()


def test_one_file_leaves_no_ledger(run, images, tmp_path):
    table = predict(run, images / "ward1" / "0001.png", tmp_path / "o.csv")
    assert table["image_id"].tolist() == ["0001.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.csv", "o.csv.json"]


def test_without_validation_predictions_there_is_no_interval_and_no_safeguard(
    made_run, images, tmp_path
):
    run = made_run("bare")
    shutil.rmtree(run.path / "predictions")
    table = predict(run, images, tmp_path / "o.csv")
    assert "p_low" not in table
    record = json.loads((tmp_path / "o.csv.json").read_text())
    assert any("no interval" in text for text in record["warnings"])
    with pytest.raises(DataError, match="fitted on validation"):
        predict(run, images, tmp_path / "o.csv", "refer=10%")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("output=o.xlsx", r"o\.xlsx"),
        ("exact=maybe", "exact cannot be"),
        ("tolerance=0", "tolerance cannot be"),
        ("tolerance=true", "tolerance cannot be"),
        ("batch_size=0", "batch_size cannot be"),
        ("num_workers=-1", "num_workers cannot be"),
        ("resume=1", "resume cannot be"),
    ],
)
def test_an_impossible_option_is_refused(run, images, option, message):
    with pytest.raises(ConfigError, match=message):
        medcnn.predict([f"run={run.path}", f"input={images}", option])


def test_a_folder_without_images_is_refused(run, tmp_path):
    (tmp_path / "a.txt").write_text("no image")
    with pytest.raises(DataError, match="no images in"):
        predict(run, tmp_path, tmp_path / "o.csv")
