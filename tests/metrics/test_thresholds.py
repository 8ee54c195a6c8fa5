import numpy as np
import pytest

from medcnn.errors import ConfigError, DataError
from medcnn.metrics.thresholds import Threshold, choose_threshold, parse_rule

LABEL, P = np.array([0, 0, 1, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4, 0.8, 0.9])


@pytest.mark.parametrize(
    ("rule", "value"),
    [("sensitivity>=0.95", 0.25), ("specificity>=0.9", 0.6), ("ppv>=1", 0.6), (0.5, 0.5)],
)
def test_worked_example(rule, value):
    assert choose_threshold(LABEL, P, rule).value == pytest.approx(value)


def test_bad_rules_and_absent_classes_are_refused():
    with pytest.raises(ConfigError, match="youden"):
        parse_rule("yuoden")
    with pytest.raises(DataError, match="normal and abnormal"):
        choose_threshold(np.zeros(6, int), P, "youden")


def test_a_changed_record_is_refused():
    record = Threshold(0.4, "youden", "val").to_json()
    assert Threshold.from_json(record).value == 0.4
    with pytest.raises(DataError, match="changed after it was frozen"):
        Threshold.from_json(record | {"value": 0.5})
