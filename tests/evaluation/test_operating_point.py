import pandas as pd
import pytest

from medcnn.errors import DataError, UserError
from medcnn.evaluation.operating_point import threshold_for


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
