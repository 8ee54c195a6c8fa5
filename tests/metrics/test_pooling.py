import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import beta, binom, norm

from medcnn.metrics import pooling
from medcnn.metrics.pooling import pool_shares


def test_the_posterior_is_that_of_a_plain_integration():
    """Against the same model by brute force: a fine grid over the share of each source."""
    x, n = np.array([18.0, 40.0, 9.0, 55.0]), np.array([20.0, 41.0, 14.0, 60.0])
    middles, taus, weight = pooling._posterior(x, n)
    theta = np.linspace(-12, 16, 6001)
    some = [(m, t) for m in range(10, 50, 7) for t in range(6, 24, 5)]
    log_p, prior = [], pooling.log_prior(middles, taus)
    for m, t in some:
        density = norm.pdf(theta, middles[m], taus[t])
        likelihood = [
            np.trapezoid(binom.pmf(int(a), int(b), expit(theta)) * density, theta)
            for a, b in zip(x, n, strict=True)
        ]
        log_p.append(np.log(likelihood).sum() + prior[m, t])
    ours = np.array([np.log(weight[m, t]) for m, t in some])
    np.testing.assert_allclose(ours - ours[0], np.array(log_p) - log_p[0], atol=0.02)


def test_many_alike_sources_give_the_interval_of_their_sum():
    found = pool_shares(np.full(40, 450.0), np.full(40, 500.0))
    assert found.value == pytest.approx(0.9, abs=0.003)
    low, high = beta.ppf([0.025, 0.975], 18000.5, 2000.5)
    assert found.ci == pytest.approx((low, high), abs=0.003)
    assert found.tau < 0.1


def test_many_large_sources_give_back_how_they_were_drawn():
    rng = np.random.default_rng(0)
    p = expit(rng.normal(logit(0.9), 0.6, 60))
    found = pool_shares(rng.binomial(2000, p).astype(float), np.full(60, 2000.0))
    assert found.value == pytest.approx(0.9, abs=0.03)
    assert found.tau == pytest.approx(0.6, abs=0.15)
    expected = expit(logit(0.9) + np.array([-1, 1]) * 1.96 * 0.6)
    assert found.prediction == pytest.approx(tuple(expected), abs=0.05)


@pytest.mark.parametrize("events", [0.0, 30.0])
def test_sources_without_a_single_miss_or_hit_are_finite(events):
    found = pool_shares(np.full(5, events), np.full(5, 30.0))
    edges = (*found.ci, *found.prediction)
    assert all(0 <= edge <= 1 for edge in edges)
    assert abs(found.value - events / 30) < 0.02
    assert found.prediction[1] - found.prediction[0] > found.ci[1] - found.ci[0] > 0


def test_the_worse_a_further_source_the_lower_the_prediction():
    alike = pool_shares(np.array([90.0, 92, 91, 89, 93]), np.full(5, 100.0))
    apart = pool_shares(np.array([90.0, 92, 91, 60, 93]), np.full(5, 100.0))
    assert apart.prediction[0] < alike.prediction[0] - 0.1
    assert apart.tau > alike.tau


def test_prediction_intervals_hold_about_as_often_as_they_say():
    """A small part of scripts/coverage_new_site.py, whose figures stand in docs/new_site.md."""
    rng = np.random.default_rng(4)
    held = []
    for _ in range(50):
        k = int(rng.integers(5, 11))
        n = rng.integers(30, 300, k)
        x = rng.binomial(n, expit(rng.normal(logit(0.92), 0.6, k)))
        low, high = pool_shares(x.astype(float), n.astype(float)).prediction
        held.append(low <= expit(rng.normal(logit(0.92), 0.6)) <= high)
    assert np.mean(held) >= 0.86
