import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import entropy, norm

from medcnn.metrics.uncertainty import aurc, binary_entropy, reject, risk_coverage, risks_at


def test_curve_and_area_are_those_of_the_definition():
    rng = np.random.default_rng(9)
    error, doubt = (rng.random(80) < 0.2).astype(float), rng.random(80)
    order = np.argsort(doubt)
    risks = [error[order[:k]].mean() for k in range(1, 81)]
    coverage, risk = risk_coverage(error, doubt)
    np.testing.assert_allclose(risk, risks)
    np.testing.assert_allclose(coverage, np.arange(1, 81) / 80)
    found = aurc(error, doubt)
    assert found.value.value == pytest.approx(np.mean(risks))
    assert found.random.value == pytest.approx(error.mean())


def test_worked_example():
    # Two errors in four: found last, the risks are 0, 0, 1/3 and 1/2.
    error = np.array([0.0, 1.0, 0.0, 1.0])
    perfect = aurc(error, error)
    assert perfect.value.value == perfect.oracle.value == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert perfect.gain.value == pytest.approx(1.0)
    worst = aurc(error, -error)
    assert worst.value.value == pytest.approx((1 + 1 + 2 / 3 + 1 / 2) / 4)
    assert worst.gain.value < 0


def test_ties_count_with_their_mean_whatever_the_order():
    error = np.array([1.0, 0.0, 0.0, 1.0])
    flat = aurc(error, np.zeros(4))
    assert flat.value.value == pytest.approx(0.5)
    assert flat.gain.value == pytest.approx(0.0)
    assert aurc(np.zeros(4), np.arange(4.0)).gain.value is None


def test_rejection_takes_whole_cases_and_counts_errors():
    error = np.zeros(30)
    error[[28, 29]] = 1
    found = reject(error, np.arange(30.0), 0.1)
    assert (found.referred, found.errors_caught.value) == (3, 1.0)
    assert found.risk_before.value == pytest.approx(2 / 30)
    assert found.risk_after.value == 0.0
    everything = reject(error, np.arange(30.0), 1.0)
    assert (everything.referred, everything.risk_after.value) == (30, None)
    assert reject(np.zeros(5), np.arange(5.0), 0.2).errors_caught.value is None
    with pytest.raises(ValueError, match="part must lie"):
        reject(error, error, 1.2)


def test_the_interval_of_the_area_is_that_of_the_leave_one_out_jackknife():
    rng = np.random.default_rng(4)
    doubt = rng.random(400).round(2)
    error = (rng.random(400) < 0.3 * doubt).astype(float)
    areas = np.array(
        [aurc(np.delete(error, k), np.delete(doubt, k)).value.value for k in range(400)]
    )
    spread = np.sqrt(399 / 400 * np.sum((areas - areas.mean()) ** 2))
    found = aurc(error, doubt, level=0.1).value
    area = found.value
    half = np.ptp(logit(found.ci)) / 2
    assert half == pytest.approx(norm.ppf(0.55) * spread / (area * (1 - area)), rel=0.02)
    assert found.method == "jackknife-logit"


def test_intervals_know_of_patients():
    rng = np.random.default_rng(5)
    cluster = np.repeat(np.arange(100), 5)
    hard = rng.random(100)[cluster]
    error = (hard + 0.2 * rng.normal(size=500) > 0.8).astype(float)
    doubt = hard + 0.5 * rng.random(500)
    plain, clustered = aurc(error, doubt), aurc(error, doubt, cluster)
    for name in ("value", "random", "oracle", "gain"):
        one, other = getattr(plain, name), getattr(clustered, name)
        assert one.value == other.value
        assert other.width > one.width, name
    assert clustered.value.method == "jackknife-logit-clustered"
    assert aurc(error[:5], doubt[:5], cluster[:5]).value.ci is None
    before, none = risks_at(error, doubt, [500, 0], cluster)
    assert (before.value, none.value) == (error.mean(), None)


def test_entropy_agrees_with_scipy_and_is_zero_at_the_ends():
    p = np.array([0.0, 0.01, 0.5, 0.7, 1.0])
    np.testing.assert_allclose(binary_entropy(p), entropy(np.stack([p, 1 - p])), atol=1e-12)
