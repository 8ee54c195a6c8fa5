import numpy as np
from scipy.special import expit

from medcnn.metrics.proportions import log_odds


def test_it_undoes_the_logistic_function():
    x = np.linspace(-15, 15, 31)
    np.testing.assert_allclose(log_odds(expit(x)), x, rtol=1e-9)


def test_the_ends_are_finite_and_keep_their_order():
    p = np.array([0.0, 1e-13, 0.5, 1.0])
    found = log_odds(p)
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    np.testing.assert_allclose(log_odds(p, 1e-3)[[0, -1]], [-np.log(999), np.log(999)])
