import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss

from medcnn.calibration import LIMITS, fit_temperature, probability


def overconfident(n=4000, factor=3.0):
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, n)
    return true * factor, (rng.random(n) < 1 / (1 + np.exp(-true))).astype(int)


def test_the_temperature_undoes_a_known_overconfidence():
    logit, label = overconfident(20000)
    assert fit_temperature(logit, label) == pytest.approx(3.0, rel=0.05)


def test_the_temperature_minimises_scikit_learns_log_loss():
    logit, label = overconfident()
    best = minimize_scalar(
        lambda t: log_loss(label, 1 / (1 + np.exp(-logit / t))), bounds=(0.5, 10), method="bounded"
    )
    assert fit_temperature(logit, label) == pytest.approx(best.x, rel=1e-3)


def test_extreme_and_degenerate_sets_stay_finite():
    logit = np.array([-100.0, -50.0, 50.0, 100.0])
    separable = fit_temperature(logit, [0, 0, 1, 1])
    assert LIMITS[0] <= separable <= LIMITS[1]
    assert LIMITS[0] <= fit_temperature(logit, [1, 1, 0, 0]) <= LIMITS[1]
    assert fit_temperature(logit, [1, 1, 1, 1]) == 1.0
    assert np.isfinite(probability(logit, separable)).all()


def test_probability_keeps_the_order_and_the_middle():
    p = probability([-2.0, 0.0, 2.0], 2.0)
    np.testing.assert_allclose(p, [1 / (1 + np.e), 0.5, np.e / (1 + np.e)])
