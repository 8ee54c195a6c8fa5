import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import torch
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss
from statsmodels.stats.proportion import proportion_confint
from torchmetrics.functional.classification import binary_calibration_error

from medcnn.metrics.calibration import (
    bin_index,
    brier_losses,
    equal_mass_edges,
    equal_width_edges,
    expected_calibration_error,
    label_variance,
    log_losses,
    maximum_calibration_error,
    mean_estimate,
    reliability_curve,
    slope_and_intercept,
)


def cases(n=2000, seed=0, steepness=1.7):
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 2, n)
    return (rng.random(n) < expit(logit)).astype(np.int64), expit(steepness * logit - 0.4)


@pytest.mark.parametrize("bins", [5, 10, 15])
@pytest.mark.parametrize(
    ("ours", "norm"),
    [
        (expected_calibration_error, "l1"),
        (maximum_calibration_error, "max"),
    ],
)
def test_ece_and_mce_are_those_of_torchmetrics(ours, norm, bins):
    for seed in range(5):
        label, p = cases(seed=seed)
        peer = binary_calibration_error(
            torch.tensor(p), torch.tensor(label), n_bins=bins, norm=norm, validate_args=False
        )
        assert ours(label, p, equal_width_edges(bins)) == pytest.approx(float(peer), abs=1e-6)


def test_equal_mass_errors_are_those_of_pandas_quantile_bins():
    label, p = cases()
    groups = pd.DataFrame({"y": label, "p": p}).groupby(pd.qcut(p, 10), observed=True)
    gap, size = (groups["y"].mean() - groups["p"].mean()).abs(), groups.size()
    weighted = float((gap * size).sum() / size.sum())
    found = expected_calibration_error(label, p, equal_mass_edges(p, 10))
    # Both put a tenth into each bin; at the edges they differ by a case.
    assert found == pytest.approx(weighted, abs=1e-3)


def test_errors_worked_by_hand():
    label = np.array([0, 1, 0, 1, 1])
    p = np.array([0.1, 0.2, 0.3, 0.8, 0.9])
    two = equal_width_edges(2)
    # Low bin: 1 of 3 observed, 0.2 predicted. High bin: 2 of 2 observed, 0.85 predicted.
    assert expected_calibration_error(label, p, two) == pytest.approx(0.6 * 2 / 15 + 0.4 * 0.15)
    assert maximum_calibration_error(label, p, two) == pytest.approx(0.15)
    # Quantile edge at 0.3: the same two bins.
    assert equal_mass_edges(p, 2).tolist() == [0.0, 0.3, 1.0]


def test_bins_hold_their_upper_edge_and_ties_stay_together():
    index = bin_index(np.array([0.0, 0.2, 0.2000001, 1.0]), equal_width_edges(5))
    assert index.tolist() == [0, 0, 1, 4]
    p = np.repeat([0.1, 0.6], [90, 10])
    edges = equal_mass_edges(p, 10)
    assert edges.tolist() == [0.0, 0.1, 1.0]
    assert len(set(bin_index(p[:90], edges))) == 1


def test_scores_are_those_of_scikit_learn():
    label, p = cases()
    assert brier_losses(label, p).mean() == pytest.approx(brier_score_loss(label, p))
    assert log_losses(label, p).mean() == pytest.approx(log_loss(label, p))
    certain = log_losses(np.array([1, 0]), np.array([0.0, 1.0]))
    assert np.isfinite(certain).all()


def test_slope_and_intercept_are_those_of_statsmodels():
    label, p = cases()
    logit = np.log(p / (1 - p))
    slope, intercept = slope_and_intercept(label, p)
    peer = sm.Logit(label, sm.add_constant(logit)).fit(disp=0)
    assert slope.value == pytest.approx(peer.params[1], rel=1e-6)
    assert slope.ci == pytest.approx(peer.conf_int()[1], rel=1e-5)
    assert slope.value == pytest.approx(1 / 1.7, rel=0.1)
    family = sm.families.Binomial()
    large = sm.GLM(label, np.ones(len(label)), family=family, offset=logit).fit()
    assert intercept.value == pytest.approx(large.params[0], rel=1e-6)


def test_slope_is_undefined_where_nothing_decides_it():
    assert slope_and_intercept(np.ones(5, int), np.linspace(0.1, 0.9, 5))[0].value is None
    separable = slope_and_intercept(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]))[0]
    assert separable.value is None or separable.ci[1] - separable.ci[0] > 10
    flat = slope_and_intercept(np.array([0, 1, 1, 0]), np.full(4, 0.5))
    assert flat[0].value is None
    assert flat[1].value == pytest.approx(0, abs=1e-9)


def test_the_reliability_curve_is_scikit_learns_with_wilson_intervals():
    label, p = cases()
    observed, predicted = calibration_curve(label, p, n_bins=10)
    found = reliability_curve(label, p, equal_width_edges(10))
    np.testing.assert_allclose([row.predicted for row in found], predicted)
    np.testing.assert_allclose([row.observed.value for row in found], observed)
    row = found[3]
    hits = round(row.observed.value * row.n)
    assert row.observed.ci == pytest.approx(proportion_confint(hits, row.n, method="wilson"))
    assert sum(each.n for each in found) == len(p)


def test_a_mean_has_the_interval_of_statsmodels_with_and_without_patients():
    losses = brier_losses(*cases(400))
    plain = mean_estimate(losses, None)
    expected = sm.OLS(losses, np.ones(400)).fit().conf_int()[0]
    assert mean_estimate(losses, None, signed=True).ci == pytest.approx(expected, rel=3e-3)
    # On the log scale the error is relative, and the interval as wide above as it is below.
    assert np.diff(np.log(plain.ci))[0] == pytest.approx(np.ptp(expected) / losses.mean(), rel=0.01)
    assert np.prod(plain.ci) == pytest.approx(losses.mean() ** 2)
    cluster = np.arange(400) // 4
    robust = sm.OLS(losses, np.ones(400)).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "df_correction": False}
    )
    clustered = mean_estimate(losses, cluster, signed=True)
    assert clustered.width == pytest.approx(np.ptp(robust.conf_int()[0]), rel=0.02)
    assert mean_estimate(losses[:1], None).ci is None
    assert mean_estimate(losses[:0], None).value is None


def test_perfect_and_extreme_probabilities_give_finite_errors():
    label = np.array([0, 0, 1, 1])
    p = label.astype(float)
    assert expected_calibration_error(label, p, equal_width_edges()) == 0
    assert maximum_calibration_error(label, 1 - p, equal_width_edges()) == 1
    assert expected_calibration_error(label[:1], p[:1], equal_mass_edges(p[:1])) == 0


def test_slope_knows_of_patients_as_statsmodels_does():
    label, p = cases(600)
    cluster = np.arange(600) // 3
    logit = np.log(p / (1 - p))
    peer = sm.Logit(label, sm.add_constant(logit)).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": cluster, "df_correction": False}
    )
    slope, intercept = slope_and_intercept(label, p, cluster=cluster)
    assert (slope.method, intercept.method) == ("wald-clustered", "sandwich-clustered")
    # The peer's quantile is the normal one.
    assert slope.width == pytest.approx(np.ptp(peer.conf_int()[1]), rel=0.03)


def test_variance_of_the_label_reaches_a_quarter_where_half_of_the_cases_may_be_abnormal():
    even = label_variance(np.tile([0, 1], 30), None)
    assert even.value == even.ci[1] == 0.25
    low, high = proportion_confint(30, 60, method="wilson")
    assert even.ci[0] == pytest.approx(low * (1 - low)) == pytest.approx(high * (1 - high))
    rare = label_variance(np.repeat([0, 1], [90, 10]), None)
    low, high = proportion_confint(10, 100, method="wilson")
    assert rare.ci == pytest.approx((low * (1 - low), high * (1 - high)))
    assert rare.method == "wilson-variance"
    common = label_variance(np.repeat([0, 1], [10, 90]), np.arange(100) // 2)
    assert common.ci[0] < rare.ci[0] and common.method == "wilson-variance-clustered"


def test_the_intercept_has_the_variance_of_a_model_that_may_be_wrong():
    rng = np.random.default_rng(8)
    true = rng.normal(size=400)
    label = (rng.random(400) < 1 / (1 + np.exp(-true))).astype(int)
    p = 1 / (1 + np.exp(-3 * true))
    found = slope_and_intercept(label, p)[1]
    peer = sm.GLM(label, np.ones(400), family=sm.families.Binomial(), offset=3 * true)
    robust = peer.fit(cov_type="HC0")
    assert found.value == pytest.approx(robust.params[0])
    assert found.method == "sandwich"
    # The peer's quantile is the normal one.
    assert found.width == pytest.approx(np.ptp(robust.conf_int()[0]), rel=0.02)
    assert found.width > 1.2 * np.ptp(peer.fit().conf_int()[0])
