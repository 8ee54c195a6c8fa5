import pandas as pd
import pytest

from medcnn.errors import DataError, UserError
from medcnn.evaluation.operating_point import threshold_for
from medcnn.predictions import check_predictions


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


def predicted(**columns):
    p = [0.1, 0.2, 0.35, 0.6]
    return check_predictions(pd.DataFrame({"label": [0, 0, 1, 1], "p_abnormal": p, **columns}))


def test_predictions_are_judged_at_the_threshold_that_they_record():
    found, (note,) = threshold_for(predicted(threshold=0.3), None)
    assert (found.value, found.rule, found.chosen_on) == (0.3, "recorded", "recorded")
    assert "0.3" in note
    assert threshold_for(predicted(threshold=0.3), 0.5)[0].value == 0.5
    on_val = predicted(threshold=0.3, split=["val", "val", "val", "test"])
    assert threshold_for(on_val, None)[0].value == 0.3


def test_decisions_alone_leave_room_for_one_threshold():
    words = ["normal", "normal", "abnormal", "abnormal"]
    for decision in (words, [0, 0, 1, 1]):
        found, _ = threshold_for(predicted(decision=decision), None)
        assert found.value == pytest.approx((0.2 + 0.35) / 2)
    crossed = predicted(decision=["abnormal", "normal", "abnormal", "normal"])
    assert threshold_for(crossed, None)[0].value == 0.5
    assert threshold_for(predicted(decision="?"), None)[0].value == 0.5


def test_decisions_that_contradict_the_threshold_are_counted():
    table = predicted(threshold=0.3, decision=["abnormal", "normal", "abnormal", "abnormal"])
    _, notes = threshold_for(table, None)
    assert "1 of 4 recorded decisions" in notes[1]


@pytest.mark.parametrize("column", [[0.3, 0.3, 0.3, 0.4], [0.3, 0.3, 0.3, None], [7.0] * 4])
def test_several_thresholds_are_none(column):
    with pytest.raises(DataError, match="does not name one operating point"):
        threshold_for(predicted(threshold=column), None)
