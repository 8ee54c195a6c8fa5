import numpy as np
import pytest

from medcnn.metrics import calibration
from medcnn.metrics.bins import DISTANCES, reduced
from medcnn.metrics.bootstrap import bootstrap
from medcnn.metrics.cells import EXACT, reduce_to_cells


def overconfident(n, seed, digits=12):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    label = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(np.int64)
    return label, (1 / (1 + np.exp(-2 * z))).round(digits)


def reference(label, p, edges):
    """Return every error by the functions that the literature's definitions are tested on."""
    width, mass = edges
    parts = calibration.murphy_decomposition(label, p, width)
    return {
        "ece": calibration.expected_calibration_error(label, p, width),
        "ece_equal_mass": calibration.expected_calibration_error(label, p, mass),
        "reliability": parts.reliability,
        "resolution": parts.resolution,
        "within": parts.within,
    }


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
    assert whole["ace"][0] == pytest.approx(calibration.adaptive_calibration_error(label, p))


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
