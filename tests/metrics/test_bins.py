from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss

from medcnn.metrics import calibration
from medcnn.metrics.bins import DISTANCES, bin_cells, reduced
from medcnn.metrics.bootstrap import Sample, bootstrap
from medcnn.metrics.cells import EXACT, reduce_to_cells


def overconfident(n, seed, digits=12):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    label = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(np.int64)
    return label, (1 / (1 + np.exp(-2 * z))).round(digits)


def errors(label, p, edges):
    """Return every error of cases as they are, each a cell of its own."""
    sample = Sample(np.arange(len(p)), len(p))
    found = reduced(bin_cells(label, p, sample, edges).errors(np.ones((1, len(p)))))
    return {name: float(values[0]) for name, values in found.items()}


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


@pytest.mark.parametrize(("n", "digits"), [(500, 2), (3 * EXACT, 12)])
def test_every_reweighted_copy_has_the_errors_of_its_cases(n, digits):
    label, p = overconfident(n, 1, digits)
    cells = reduce_to_cells(label, p, 0.4)
    assert cells.exact == (n == 500)
    edges = calibration.equal_width_edges(), calibration.equal_mass_edges(p)
    drawn = np.random.default_rng(2).integers(n, size=(4, n))
    found = reduced(cells.binned.errors(np.stack([cells.sample.weigh(units) for units in drawn])))
    for row, units in enumerate(drawn):
        expected = reference(label[units], p[units], edges)
        for name, value in expected.items():
            # Beyond the exact cells a copy has the mean score of each cell, not its own.
            assert found[name][row] == pytest.approx(value, abs=1e-12 if cells.exact else 2e-4), (
                name
            )
    whole = reduced(cells.binned.errors(cells.sample.weigh(np.arange(n))[None]))
    for name, value in reference(label, p, edges).items():
        assert whole[name][0] == pytest.approx(value, abs=1e-12), name
    assert whole["ace"][0] == pytest.approx(errors(label, p, edges)["ace"])


def test_parts_of_the_brier_score_add_up_in_every_copy():
    label, p = overconfident(300, 3, 2)
    cells = reduce_to_cells(label, p, 0.4)
    weights = np.stack(
        [cells.sample.weigh(np.random.default_rng(k).integers(300, size=300)) for k in range(5)]
    )
    found = reduced(cells.binned.errors(weights))
    abnormal = weights @ cells.binned.label / 300
    spread = abnormal * (1 - abnormal)
    total = found["reliability"] - found["resolution"] + spread + found["within"]
    np.testing.assert_allclose(total, weights @ cells.binned.loss / 300)


def test_calibrated_probabilities_have_errors_whose_intervals_reach_0():
    label, p = overconfident(800, 4)
    calibrated = np.round(1 / (1 + np.exp(-np.log(p / (1 - p)) / 2)), 3)
    for scores, reaches in ((calibrated, True), (p, False)):
        cells = reduce_to_cells(label, scores, 0.4)
        found = bootstrap(cells.binned.errors, cells.sample, replicates=300, distances=DISTANCES)
        assert (found["ece"].ci[0] == 0) is reaches
        assert (found["ace"].ci[0] == 0) is reaches
