from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss

from medcnn.metrics import calibration
from medcnn.metrics.bins import calibration_errors
from medcnn.metrics.bins import values as errors


def overconfident(n, seed, digits=12):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    label = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(np.int64)
    return label, (1 / (1 + np.exp(-2 * z))).round(digits)


def reference(label, p, edges):
    """Return errors by their definitions, bin by bin."""
    width, mass = edges
    reliability = resolution = 0.0
    for low, high in pairwise(width):
        inside = (p > low) & (p <= high) | (low == 0) & (p == 0)
        if inside.any():
            observed = label[inside].mean()
            reliability += inside.mean() * (p[inside].mean() - observed) ** 2
            resolution += inside.mean() * (observed - label.mean()) ** 2
    spread = label.mean() * (1 - label.mean())
    return {
        "ece": calibration.expected_calibration_error(label, p, width),
        "ece_equal_mass": calibration.expected_calibration_error(label, p, mass),
        "reliability": reliability,
        "resolution": resolution,
        "within": brier_score_loss(label, p) - (reliability - resolution + spread),
    }


def test_errors_worked_by_hand():
    # Low bin: 1 of 3 observed, 0.2 predicted. High bin: 2 of 2 observed, 0.8 predicted.
    label, p = np.array([0, 0, 1, 1, 1]), np.array([0.2, 0.2, 0.2, 0.8, 0.8])
    edges = calibration.equal_width_edges(2), calibration.equal_mass_edges(p, 2)
    found = errors(label, p, edges)
    assert found["ace"] == pytest.approx((2 / 15 + 0.2) / 2)
    assert found["reliability"] == pytest.approx(0.6 * (2 / 15) ** 2 + 0.4 * 0.2**2)
    assert found["resolution"] == pytest.approx(0.6 * (1 / 3 - 0.6) ** 2 + 0.4 * (1 - 0.6) ** 2)
    assert found["within"] == pytest.approx(0, abs=1e-12)
    certain = errors(label, label.astype(float), edges)
    assert (certain["ece"], certain["ace"], certain["reliability"]) == (0, 0, 0)


def test_the_adaptive_error_is_that_of_pandas_quantile_bins():
    label, p = overconfident(2000, 0)
    groups = pd.DataFrame({"y": label, "p": p}).groupby(pd.qcut(p, 10), observed=True)
    gap = (groups["y"].mean() - groups["p"].mean()).abs()
    edges = calibration.equal_width_edges(), calibration.equal_mass_edges(p, 10)
    # Both put a tenth into each bin; at the edges they differ by a case.
    assert errors(label, p, edges)["ace"] == pytest.approx(float(gap.mean()), abs=1e-3)


@pytest.mark.parametrize(("n", "digits"), [(500, 2), (6000, 12)])
def test_errors_are_those_of_their_definitions_and_have_no_interval(n, digits):
    label, p = overconfident(n, 1, digits)
    edges = calibration.equal_width_edges(), calibration.equal_mass_edges(p)
    found = calibration_errors(label, p)
    for name, value in reference(label, p, edges).items():
        assert found[name].value == pytest.approx(value, abs=1e-12), name
    largest = calibration.maximum_calibration_error(label, p, edges[0])
    assert found["mce"].value == pytest.approx(largest)
    assert {each.ci for each in found.values()} == {None}
    assert found["ece"].method == "no-interval-distance"
    assert found["mce"].method == "no-interval-maximum"
