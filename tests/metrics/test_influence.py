import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit

from medcnn.metrics.influence import FISHER, LOG, LOGIT, PLAIN, degrees_of_freedom, interval


def skewed(n=80, seed=0):
    values = np.random.default_rng(seed).gamma(0.7, 0.3, n)
    return float(values.mean()), values - values.mean()


def quantile(influence):
    """Return Student's quantile with O'Neill's degrees of freedom, by SciPy's kurtosis."""
    n = len(influence)
    freedom = 2 * n / (stats.kurtosis(influence, fisher=False) - (n - 3) / (n - 1))
    return stats.t.ppf(0.975, freedom)


@pytest.mark.parametrize(
    ("scale", "there", "back"),
    [
        (PLAIN, np.array, np.array),
        (LOG, np.log, np.exp),
        (LOGIT, logit, expit),
        (FISHER, np.arctanh, np.tanh),
    ],
)
def test_an_interval_is_symmetric_on_its_scale(scale, there, back):
    value, influence = skewed()
    found = interval(value, influence, "mean", scale=scale)
    step = 1e-6
    slope = (there(value + step) - there(value - step)) / (2 * step)
    half = quantile(influence) * stats.sem(influence) * slope
    assert found.ci == pytest.approx(back(there(value) + np.array([-half, half])), rel=1e-6)
    assert found.method == "mean"


def test_patients_are_counted_rather_than_images():
    value, influence = skewed()
    copies = interval(
        value, np.tile(influence, 3), "mean", cluster=np.tile(np.arange(80), 3), scale=LOG
    )
    assert copies.ci == pytest.approx(interval(value, influence, "mean", scale=LOG).ci)
    assert copies.method == "mean-clustered"
    # A number that no case has, as where a class is left out, is no cluster.
    gaps = interval(value, influence, "mean", cluster=5 * np.arange(80), scale=LOG)
    assert gaps.ci == pytest.approx(copies.ci)


def test_few_large_influences_leave_few_degrees_of_freedom():
    rng = np.random.default_rng(1)
    normal = rng.normal(size=100_000)
    assert degrees_of_freedom(normal, 100_000) == pytest.approx(100_000, rel=0.03)
    one_of_many = np.append(np.full(99, -1e-9), 1.0)
    assert degrees_of_freedom(one_of_many, 100) == pytest.approx(2.0, rel=0.05)
    assert degrees_of_freedom(np.array([-1.0, 1.0]), 2) >= 1


def test_what_does_not_vary_says_so():
    found = interval(0.5, np.zeros(9), "mean", scale=LOGIT)
    assert found.ci == (0.5, 0.5)
    assert "too narrow to be believed" in found.note
    alone = interval(0.5, np.ones(3), "mean", cluster=np.zeros(3, int))
    assert alone.ci is None
