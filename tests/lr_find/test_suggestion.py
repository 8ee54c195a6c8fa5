import numpy as np
import pytest

from medcnn.lr_find.suggestion import smooth, suggest

RATES = np.logspace(-7, 1, 100)


def curve(knee, explosion, *, noise=0.0, seed=0):
    """Flat at 0.7, falling around ``knee``, and exploding from ``explosion`` on."""
    fall = 0.4 / (1 + (knee / RATES) ** 1.5)
    rise = np.square(np.clip(np.log10(RATES / explosion), 0, None)) * 2
    return 0.7 - fall + rise + noise * np.random.default_rng(seed).standard_normal(len(RATES))


@pytest.mark.parametrize("knee", [1e-5, 1e-4, 1e-3])
def test_the_suggestion_stands_at_the_steepest_descent(knee):
    losses = curve(knee, 1e3 * knee)
    found = suggest(RATES, losses)
    steepest = RATES[np.gradient(losses, np.log10(RATES)).argmin()]
    assert abs(np.log10(found.lr / steepest)) < 0.15
    assert found.starts < found.lr <= found.lowest / 3


@pytest.mark.parametrize("seed", range(5))
def test_noise_of_batches_moves_it_by_less_than_a_decade(seed):
    found = suggest(RATES, curve(1e-4, 0.03, noise=0.08, seed=seed))
    assert abs(np.log10(found.lr / 1e-4)) < 1


def test_it_stays_below_a_third_of_the_lowest_loss():
    found = suggest(RATES, curve(1e-2, 1.2e-2))
    assert found.lr <= found.lowest / 3


@pytest.mark.each("seed", range(20))
def test_a_flat_curve_has_no_suggestion(seed):
    noise = np.random.default_rng(seed).standard_normal(len(RATES))
    found = suggest(RATES, 0.7 + 0.05 * noise)
    assert found.lr is None
    assert "labels" in found.note


def test_a_curve_that_only_rises_or_is_short_has_none():
    assert suggest(RATES, 0.7 + RATES).lr is None
    assert "Too few" in suggest(RATES[:5], np.ones(5), exploded=1.0).note


def test_the_end_of_the_ramp_is_said():
    assert "highest rate" in suggest(RATES, curve(1.0, 1e9)).note
    assert suggest(RATES, curve(1e-3, 1.0), exploded=5.0).exploded == 5.0


def test_smoothing_keeps_a_line_and_is_symmetric():
    line = np.log10(RATES)
    np.testing.assert_allclose(smooth(RATES, line)[20:-20], line[20:-20], atol=1e-9)
    spike = np.zeros(99)
    spike[49] = 1
    spread = smooth(np.logspace(-4, 4, 99), spike)
    np.testing.assert_allclose(spread, spread[::-1], atol=1e-12)
