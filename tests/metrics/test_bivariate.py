import numpy as np
import pytest
from scipy.stats import multivariate_normal

from medcnn.metrics.bivariate import _deviance, between_sources
from medcnn.metrics.heterogeneity import random_effects


def sources(k, correlation, seed=0):
    rng = np.random.default_rng(seed)
    between = np.array([[0.64, correlation * 0.4], [correlation * 0.4, 0.25]])
    variance = rng.uniform(0.02, 0.1, (k, 2))
    effect = rng.multivariate_normal([2.5, 1.5], between, k)
    return effect + rng.normal(size=(k, 2)) * np.sqrt(variance), variance


@pytest.mark.parametrize("correlation", [-0.8, 0.0, 0.6])
def test_many_sources_give_back_how_they_were_drawn(correlation):
    between = between_sources(*sources(250, correlation))
    sd = np.sqrt(np.diag(between))
    assert sd == pytest.approx([0.8, 0.5], abs=0.08)
    assert between[0, 1] / sd.prod() == pytest.approx(correlation, abs=0.12)


def test_the_likelihood_is_that_of_scipy_with_the_middle_integrated_out():
    effect, variance = sources(6, -0.5)
    between = np.array([[0.5, -0.2], [-0.2, 0.4]])
    other = np.array([[0.9, 0.1], [0.1, 0.2]])

    def restricted(covariance):
        # A flat prior on the middle: stack all sources, with a very wide common part.
        design = np.kron(np.ones((6, 1)), np.eye(2))
        total = np.zeros((12, 12))
        for at, row in enumerate(variance):
            total[2 * at : 2 * at + 2, 2 * at : 2 * at + 2] = covariance + np.diag(row)
        wide = total + 1e6 * design @ design.T
        return -2 * multivariate_normal.logpdf(effect.ravel(), np.zeros(12), wide)

    ours = _deviance(between, effect, variance) - _deviance(other, effect, variance)
    assert ours == pytest.approx(restricted(between) - restricted(other), abs=1e-3)


def test_without_correlation_each_variance_is_that_of_its_measure_alone():
    effect, variance = sources(400, 0.0, seed=3)
    between = between_sources(effect, variance)
    alone = [random_effects(effect[:, at], variance[:, at]).tau2 for at in (0, 1)]
    assert np.diag(between) == pytest.approx(alone, rel=0.02)


def test_sources_that_cannot_tell_give_none():
    effect, variance = sources(4, 0.0)
    assert between_sources(effect, variance) is None
    same = np.column_stack([np.linspace(0, 2, 6), np.ones(6)])
    assert between_sources(same, np.full((6, 2), 0.1)) is None


def test_sources_on_one_line_differ_in_the_threshold_alone():
    line = np.linspace(0, 2, 6)
    between = between_sources(np.column_stack([line, -line]), np.full((6, 2), 1e-3))
    assert between[0, 1] / np.sqrt(np.diag(between)).prod() < -0.99
