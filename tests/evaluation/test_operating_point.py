import json

import pandas as pd
import pytest

from medcnn.errors import DataError, UserError
from medcnn.evaluation.operating_point import frozen_threshold, threshold_for
from medcnn.metrics.thresholds import choose_threshold
from medcnn.predictions import read_predictions, write_predictions
from medcnn.run.directory import RunDir, write_json


@pytest.fixture
def run(tmp_path, table):
    run = RunDir(tmp_path)
    val = table[table["split"] == "val"]
    run.predictions("val").parent.mkdir()
    write_predictions(val, run.predictions("val"))
    threshold = choose_threshold(val["label"].to_numpy(), val["p_abnormal"].to_numpy(), "youden")
    write_json(run.results, {"threshold": threshold.to_json()})
    return run


def test_the_frozen_threshold_comes_back_with_its_digest(run):
    found = frozen_threshold(run)
    assert found.rule == "youden"
    assert found.to_json() == json.loads(run.results.read_text())["threshold"]


def test_a_threshold_moved_by_hand_is_found_out(run):
    record = json.loads(run.results.read_text())
    record["threshold"]["value"] -= 0.1
    write_json(run.results, record)
    with pytest.raises(DataError, match="changed after it was frozen"):
        frozen_threshold(run)


def test_validation_predictions_that_changed_since_are_found_out(run):
    val = read_predictions(run.predictions("val"))
    val.loc[0, "label"] = 1 - val.loc[0, "label"]
    write_predictions(val, run.predictions("val"))
    with pytest.raises(DataError, match="does not hold the predictions"):
        frozen_threshold(run)


@pytest.mark.parametrize(
    "rule",
    [
        "youden",
        "closest_corner",
        "f1",
        "cost:fn=5,fp=1",
        "sensitivity>=0.9",
        "specificity>=0.8",
        "ppv>=0.7",
        "npv>=0.8",
    ],
)
def test_every_rule_sees_validation_alone(table, rule):
    found, notes = threshold_for(table, rule)
    moved = table.assign(p_abnormal=table["p_abnormal"].where(table["split"] == "val", 0.5))
    assert threshold_for(moved, rule)[0] == found
    assert (found.chosen_on, notes) == ("val", ())


def test_without_validation_a_half_is_used_and_said(table):
    test = table[table["split"] == "test"]
    found, notes = threshold_for(test, None)
    assert (found.value, found.rule) == (0.5, "fixed")
    assert "0.5 is used" in notes[0]
    assert threshold_for(table, None)[0].rule == "youden"
    assert threshold_for(table, "0.3")[0].value == 0.3
    with pytest.raises(DataError, match="chosen on validation"):
        threshold_for(test, "youden")
    with pytest.raises(UserError, match="threshold rule"):
        threshold_for(pd.DataFrame(table), "yuoden")
