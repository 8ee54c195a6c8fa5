import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from statsmodels.stats.proportion import proportion_confint

from medcnn.calibration.fit import fit_calibrator
from medcnn.calibration.frequency import fit_frequency, frequency_of


def _drawn(rng, n, truth):
    logit = rng.normal(0, 2, n) + rng.choice([-1.5, 1.5], n)
    return logit, (rng.random(n) < truth(logit)).astype(int)


def _steps(logit):
    return np.where(logit > 0, 0.85, 0.07)


@pytest.mark.parametrize("n", [20, 100, 1000])
@pytest.mark.parametrize("truth", [expit, lambda logit: expit(0.4 * logit - 1), _steps])
def test_it_covers_at_every_probability_whatever_the_calibration(n, truth):
    rng = np.random.default_rng(n)
    at = np.linspace(-5, 5, 21)
    held = []
    for _ in range(400):
        logit, label = _drawn(rng, n, truth)
        low, high = fit_frequency(expit(logit), label).interval(expit(at))
        held.append((low <= truth(at)) & (truth(at) <= high))
    # 400 draws of an interval that covers in 95 % fall below 0.92 once in 200.
    assert np.mean(held, axis=0).min() >= 0.92


def test_it_covers_where_the_calibrator_was_fitted_to_the_same_cases():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(100):
        logit, label = _drawn(rng, 300, expit)
        calibrator = fit_calibrator("isotonic", logit, label)
        at = rng.normal(0, 2, 50)
        band = fit_frequency(calibrator.probability(logit), label)
        low, high = band.interval(calibrator.probability(at))
        held.append(np.mean((low <= expit(at)) & (expit(at) <= high)))
    assert np.mean(held) >= 0.95


def test_patients_with_many_images_count_once():
    rng = np.random.default_rng(2)
    held, at = [], np.linspace(-4, 4, 9)
    for _ in range(300):
        logit, label = _drawn(rng, 60, expit)
        table = pd.DataFrame({"p_abnormal": expit(logit), "label": label, "patient_id": range(60)})
        low, high = frequency_of(pd.concat([table] * 8)).interval(expit(at))
        held.append((low <= expit(at)) & (expit(at) <= high))
    assert np.mean(held, axis=0).min() >= 0.92


def test_one_neighbourhood_is_clopper_and_pearson():
    p = np.linspace(0.1, 0.9, 12)
    label = np.array([0, 0, 1, 0, 0, 1, 0, 1, 1, 1, 0, 1])
    low, high = fit_frequency(p, label).interval([0.95, 0.05, 0.45])
    exact_low, exact_high = proportion_confint(label.sum(), 12, method="beta")
    assert low[0] == pytest.approx(exact_low)
    assert high[1] == pytest.approx(exact_high)
    assert (high[0], low[1]) == (1.0, 0.0)
    below, above = p <= 0.45, p >= 0.45
    left = proportion_confint(label[below].sum(), below.sum(), method="beta")[0]
    right = proportion_confint(label[above].sum(), above.sum(), method="beta")[1]
    assert (low[2], high[2]) == (pytest.approx(left), pytest.approx(right))


def test_it_narrows_with_validation():
    rng = np.random.default_rng(3)
    widths = []
    for n in (50, 500, 5000):
        logit, label = _drawn(rng, n, expit)
        low, high = fit_frequency(expit(logit), label).interval(np.linspace(0.05, 0.95, 19))
        widths.append(np.mean(high - low))
    assert widths[0] > 1.5 * widths[1] > 2 * widths[2]


def test_unknown_probabilities_and_no_cases_have_nothing_to_say():
    low, high = fit_frequency([0.5], [1]).interval([np.nan])
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    low, high = fit_frequency([], []).interval([0.3])
    assert (low[0], high[0]) == (0.0, 1.0)
    with pytest.raises(ValueError, match="level must lie within"):
        fit_frequency([0.5], [1], level=1.0)
