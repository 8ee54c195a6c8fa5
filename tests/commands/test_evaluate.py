import json
import shutil

import numpy as np
import pandas as pd
import pytest

from medcnn.api import evaluate
from medcnn.errors import ConfigError, DataError
from medcnn.files.plain import read_json
from medcnn.metrics.thresholds import choose_threshold
from medcnn.notices import Notice, records
from medcnn.run.directory import write_json


@pytest.fixture(scope="module")
def predictions(tmp_path_factory):
    """Another framework's file: 200 patients of two images, a third of them for validation."""
    rng = np.random.default_rng(3)
    patient = np.arange(400) // 2
    label = (rng.random(200) < 0.4).astype(int)[patient]
    logit = rng.normal(size=400) + 2 * label - 1
    table = pd.DataFrame(
        {
            "image_id": [f"i{row:03d}" for row in range(400)],
            "patient_id": [f"p{row:03d}" for row in patient],
            "label": label,
            "p_abnormal": 1 / (1 + np.exp(-logit)),
            "split": np.where(patient < 70, "val", "test"),
            "sex": rng.choice(["F", "M"], 200)[patient],
        }
    )
    path = tmp_path_factory.mktemp("foreign") / "other.csv"
    table.to_csv(path, index=False)
    return path


def test_foreign_predictions_by_patient_with_readers_and_groups(predictions, tmp_path):
    table = pd.read_csv(predictions)
    test = table[table["split"] == "test"]
    readers = tmp_path / "readers.csv"
    test[["image_id"]].assign(Ada=test["label"]).to_csv(readers, index=False)
    out = tmp_path / "out"
    found = evaluate(
        [
            f"predictions={predictions}",
            f"output={out}",
            f"readers={readers}",
            "level=patient",
            "aggregate=max",
            "subgroups=[sex]",
            "language=de",
        ]
    )
    units = table.groupby(["split", "patient_id"])[["label", "p_abnormal"]].max()
    val, kept = units.loc["val"], units.loc["test"]
    chosen = choose_threshold(val["label"].to_numpy(), val["p_abnormal"].to_numpy(), "youden")
    assert found["threshold"]["value"] == pytest.approx(chosen.value)
    called = kept["p_abnormal"] >= chosen.value
    assert found["sensitivity"]["value"] == pytest.approx(called[kept["label"] == 1].mean())
    assert (found["n"], found["unit"]["images"]) == (len(kept), len(test))
    assert found["readers"][0]["sensitivity"]["value"] == 1.0
    assert {entry["group"] for entry in found["subgroups"]} == {"F", "M"}
    assert json.loads((out / "results.json").read_text()) == found
    page = (out / "report.html").read_text("utf-8")
    assert "Patienten als auffällig erkannt" in page
    assert "images called" not in page
    assert len(pd.read_csv(out / "predictions.csv")) == len(kept)


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ([], "one thing to evaluate"),
        (["compare=[a,b]"], "one thing to evaluate"),
        (["threshold=yuoden"], "threshold rule"),
        (["level=hospital"], "level"),
        (["aggregate=median", "level=patient"], "aggregate cannot be"),
        (["subgroups=[age]"], "column of the predictions"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    predictions, tmp_path, overrides, complaint
):
    asked = [f"predictions={predictions}", f"output={tmp_path / 'out'}", *overrides]
    if complaint == "one thing to evaluate" and not overrides:
        asked = asked[1:]
    with pytest.raises(ConfigError, match=complaint):
        evaluate(asked)
    assert not (tmp_path / "out").exists()


def test_a_split_without_rows_names_those_there_are(predictions):
    with pytest.raises(DataError, match=r"split=test \| val"):
        evaluate([f"predictions={predictions}", "split=train"])


@pytest.mark.parametrize("name", ["ANONYMOUS", "RESEARCH 7"])
def test_one_identifier_for_everybody_is_no_patient(predictions, tmp_path, name):
    table = pd.read_csv(predictions).assign(patient_id=name)
    table.to_csv(tmp_path / "p.csv", index=False, sep=";", decimal=",")
    found = evaluate(
        [f"predictions={tmp_path / 'p.csv'}", f"output={tmp_path / 'o'}", "threshold=0.5"]
    )
    low, high = found["auroc"]["ci"]
    assert low < found["auroc"]["value"] < high
    assert any(
        "260 of 260 images" in text or "400 of 400 images" in text for text in found["warnings"]
    )


def test_a_smoke_test_stays_one_and_its_small_validation_is_told(trained_run, tmp_path):
    shutil.copytree(trained_run.path, tmp_path / "run")
    journal = tmp_path / "run" / "environment.json"
    told = [Notice("limited", n=120, of=5000)]
    write_json(journal, read_json(journal) | {"warnings": told, "notices": records(told)})
    verdict = evaluate([f"run={tmp_path / 'run'}"])["verdict"]
    keys = [each["key"] for each in verdict["notices"]]
    assert (verdict["level"], keys[0]) == ("bad", "limited")
    assert "validation_small" in keys
