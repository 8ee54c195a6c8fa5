import pytest

from medcnn.reporting.estimates import conditional_estimates, named_estimates, read_estimate


@pytest.mark.parametrize(
    ("raw", "value", "known"),
    [
        ({"value": 0.5, "ci": [0.4, 0.6], "method": "wilson"}, 0.5, True),
        ({"value": 0.5, "ci": None}, 0.5, False),
        ({"value": None, "ci": None}, None, False),
        ({"value": 0.5, "ci": [0.4, None]}, 0.5, False),
        (0.25, 0.25, False),
        (True, None, False),
        ("0.5", None, False),
        (float("nan"), None, False),
        (None, None, False),
    ],
)
def test_reads_whatever_results_hold(raw, value, known):
    found = read_estimate(raw)
    assert (found.value, found.has_interval) == (value, known)


def test_known_estimates_come_first_and_new_ones_are_not_lost():
    found = named_estimates({"new": {"value": 1.0}, "auroc": {"value": 0.9}, "n": 3})
    assert next(iter(found)) == "sensitivity"
    assert found["new"].value == 1.0
    assert "n" not in found


def test_what_stands_along_the_curve():
    found = conditional_estimates({"sensitivity_at_specificity": {"0.90": {"value": 0.8}}})
    assert [(key, fixed, estimate.value) for key, fixed, estimate in found] == [
        ("sensitivity_at_specificity", 0.9, 0.8)
    ]
