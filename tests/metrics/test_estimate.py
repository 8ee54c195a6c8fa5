import json
import math

import pytest

from medcnn.metrics.estimate import Estimate, undefined


def test_plain_values_are_strict_json_and_infinity_is_null():
    found = Estimate(12.0, (3.0, math.inf), "log", "a cell is 0").to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == {
        "value": 12.0,
        "ci": [3.0, None],
        "method": "log",
        "note": "a cell is 0",
    }


@pytest.mark.parametrize(
    "numbers", [(math.nan, None), (0.5, (math.nan, 1.0)), (0.5, (0, math.nan))]
)
def test_not_a_number_is_refused_at_once(numbers):
    with pytest.raises(ValueError, match="holds NaN"):
        Estimate(*numbers, "wilson")


def test_what_is_undefined_has_neither_value_nor_interval_nor_width():
    found = undefined("delong", "no normal case")
    assert (found.value, found.ci, found.width) == (None, None, None)
    assert Estimate(0.5, (0.25, 0.75), "wilson").width == 0.5
