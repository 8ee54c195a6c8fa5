import numpy as np
import pytest
from scipy.stats import entropy

from medcnn.metrics.uncertainty import aurc, binary_entropy, reject, risk_coverage


def test_curve_and_area_are_those_of_the_definition():
    rng = np.random.default_rng(9)
    error, doubt = (rng.random(80) < 0.2).astype(float), rng.random(80)
    order = np.argsort(doubt)
    risks = [error[order[:k]].mean() for k in range(1, 81)]
    coverage, risk = risk_coverage(error, doubt)
    np.testing.assert_allclose(risk, risks)
    np.testing.assert_allclose(coverage, np.arange(1, 81) / 80)
    found = aurc(error, doubt)
    assert found.value == pytest.approx(np.mean(risks))
    assert found.random == pytest.approx(error.mean())


def test_worked_example():
    # Two errors in four: found last, the risks are 0, 0, 1/3 and 1/2.
    error = np.array([0.0, 1.0, 0.0, 1.0])
    perfect = aurc(error, error)
    assert perfect.value == perfect.oracle == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert perfect.gain == pytest.approx(1.0)
    worst = aurc(error, -error)
    assert worst.value == pytest.approx((1 + 1 + 2 / 3 + 1 / 2) / 4)
    assert worst.gain < 0


def test_ties_count_with_their_mean_whatever_the_order():
    error = np.array([1.0, 0.0, 0.0, 1.0])
    flat = aurc(error, np.zeros(4))
    assert flat.value == pytest.approx(0.5)
    assert flat.gain == pytest.approx(0.0)
    assert aurc(np.zeros(4), np.arange(4.0)).gain is None


def test_rejection_takes_whole_cases_and_counts_errors():
    error = np.zeros(30)
    error[[28, 29]] = 1
    found = reject(error, np.arange(30.0), 0.1)
    assert (found.referred, found.errors_caught) == (3, 1.0)
    assert found.risk_before == pytest.approx(2 / 30)
    assert found.risk_after == 0.0
    everything = reject(error, np.arange(30.0), 1.0)
    assert (everything.referred, everything.risk_after) == (30, None)
    assert reject(np.zeros(5), np.arange(5.0), 0.2).errors_caught is None
    with pytest.raises(ValueError, match="share must lie"):
        reject(error, error, 1.2)


def test_entropy_agrees_with_scipy_and_is_zero_at_the_ends():
    p = np.array([0.0, 0.01, 0.5, 0.7, 1.0])
    np.testing.assert_allclose(binary_entropy(p), entropy(np.stack([p, 1 - p])), atol=1e-12)
