import warnings

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from medcnn.calibration.calibrator import NAMES, beta_features
from medcnn.calibration.fit import LIMITS, fit_calibrator, fit_temperature
from medcnn.errors import ConfigError, DataError
from medcnn.metrics.calibration import equal_mass_edges, expected_calibration_error

LEARNT = [name for name in NAMES if name != "none"]


def overconfident(n=4000, factor=3.0, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2, n)
    return true * factor, (rng.random(n) < expit(true)).astype(int)


def smoothed_rows(label):
    """Return labels, weights and rows of a set whose weighted labels are Platt's targets."""
    positives = label.sum()
    target = np.where(
        label == 1, (positives + 1) / (positives + 2), 1 / (len(label) - positives + 2)
    )
    n = len(label)
    return np.repeat([1, 0], n), np.concatenate([target, 1 - target]), np.tile(np.arange(n), 2)


def test_the_temperature_undoes_a_known_overconfidence():
    logit, label = overconfident(20000)
    assert fit_temperature(logit, label) == pytest.approx(3.0, rel=0.05)


def test_the_temperature_minimises_scikit_learns_log_loss():
    logit, label = overconfident()
    best = minimize_scalar(
        lambda t: log_loss(label, expit(logit / t)), bounds=(0.5, 10), method="bounded"
    )
    assert fit_temperature(logit, label) == pytest.approx(best.x, rel=1e-3)


class Logits(LogisticRegression):
    """A fitted classifier whose decision function is its only feature."""

    def decision_function(self, X):
        return X[:, 0]


def test_platt_is_scikit_learns_sigmoid_calibration():
    frozen = pytest.importorskip("sklearn.frozen", reason="came with scikit-learn 1.6")
    logit, label = overconfident(800)
    column = logit[:, None]
    classifier = frozen.FrozenEstimator(Logits().fit(column, label))
    peer = CalibratedClassifierCV(classifier, method="sigmoid", ensemble=False).fit(column, label)
    found = fit_calibrator("platt", logit, label).probability(logit)
    np.testing.assert_allclose(found, peer.predict_proba(column)[:, 1], atol=2e-4)


@pytest.mark.parametrize("name", ["platt", "beta"])
def test_platt_and_beta_are_logistic_regressions_of_scikit_learn_on_platts_targets(name):
    logit, label = overconfident(1500)
    features = logit[:, None] if name == "platt" else np.column_stack(beta_features(logit))
    labels, weights, rows = smoothed_rows(label)
    peer = LogisticRegression(C=1e12, tol=1e-10, max_iter=10_000)
    peer.fit(features[rows], labels, sample_weight=weights)
    expected = [*peer.coef_[0], peer.intercept_[0]]
    np.testing.assert_allclose(fit_calibrator(name, logit, label).parameters, expected, rtol=2e-3)


def test_isotonic_is_scikit_learns_within_what_the_cases_prove():
    logit, label = overconfident(500)
    peer = IsotonicRegression(out_of_bounds="clip").fit(logit, label)
    # At the cases themselves: in between, the line runs to the clipped knot.
    expected = np.clip(peer.predict(logit), 1 / 502, 501 / 502)
    found = fit_calibrator("isotonic", logit, label)
    np.testing.assert_allclose(found.probability(logit), expected, atol=1e-12)
    np.testing.assert_allclose(found.probability([-99, 99]), [1 / 502, 501 / 502])


def test_the_histogram_worked_by_hand():
    # Two bins of twenty: 2 of 20 abnormal, then 15 of 20; Laplace's rule adds one of each class.
    logit = np.arange(40.0)
    label = np.r_[np.ones(2), np.zeros(18), np.zeros(5), np.ones(15)].astype(int)
    fitted = fit_calibrator("histogram", logit, label)
    np.testing.assert_allclose(fitted.parameters, [19.0, 3 / 22, 16 / 22])
    np.testing.assert_allclose(fitted.probability([-100, 19, 19.5, 100]), np.r_[3, 3, 16, 16] / 22)


@pytest.mark.parametrize("name", LEARNT)
def test_every_calibrator_mends_overconfidence_on_cases_it_has_not_seen(name):
    fitted = fit_calibrator(name, *overconfident(6000))
    logit, label = overconfident(20000, seed=1)
    p = fitted.probability(logit)
    before, after = (
        expected_calibration_error(label, q, equal_mass_edges(q)) for q in (expit(logit), p)
    )
    assert before > 0.08
    assert after < 0.025
    assert log_loss(label, p) < log_loss(label, np.clip(expit(logit), 1e-7, 1 - 1e-7))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("logit", "label"),
    [
        ([-100.0, -50.0, 50.0, 100.0], [0, 0, 1, 1]),
        ([-100.0, -50.0, 50.0, 100.0], [1, 1, 0, 0]),
        ([-100.0, 100.0], [0, 1]),
        ([-100.0, 100.0, 3.0], [1, 1, 1]),
        ([-100.0, 100.0, 3.0], [0, 0, 0]),
        ([2.0, 2.0, 2.0, 2.0], [0, 1, 0, 1]),
        ([np.inf, -np.inf, 0.0, 1.0], [1, 0, 0, 1]),
        ([0.5], [1]),
    ],
)
def test_extreme_separable_and_one_class_sets_stay_finite_and_monotone(name, logit, label):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = fit_calibrator(name, logit, label)
        p = fitted.probability(np.r_[-np.inf, np.linspace(-100, 100, 2001), np.inf])
    assert np.isfinite(p).all()
    assert ((p >= 0) & (p <= 1)).all()
    assert (np.diff(p) >= -1e-12).all()


@pytest.mark.parametrize("name", LEARNT)
def test_one_class_teaches_nothing_and_says_so(name):
    fitted = fit_calibrator(name, [-3.0, 1.0, 2.0], [1, 1, 1])
    assert fitted.name == "none"
    assert f"{name} calibration learnt nothing: all 3 validation cases are abnormal" in fitted.note
    np.testing.assert_allclose(fitted.probability([1.0]), expit(1.0))
    assert fit_temperature([1.0, 2.0], [1, 1]) == 1.0


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_temperature_is_found_whatever_the_size_of_the_logits(scale):
    """As of a network that hardly learnt: AUROC 0.76 is no separation, however small the logits."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 400)
    logit = rng.normal(label - 0.5, 1.0)
    assert roc_auc_score(label, logit) == pytest.approx(0.76, abs=0.03)
    plain, scaled = (fit_calibrator("temperature", each, label) for each in (logit, scale * logit))
    assert scaled.note == ""
    assert scaled.temperature == pytest.approx(scale * plain.temperature, rel=1e-3)


def test_classes_apart_but_not_at_0_have_a_best_temperature():
    logit, label = [0.2, 0.4, 1.0, 1.2] * 20, [0, 0, 1, 1] * 20
    fitted = fit_calibrator("temperature", logit, label)
    assert fitted.note == ""
    assert LIMITS[0] < fitted.temperature < LIMITS[1]


def test_a_separable_set_is_named_and_bounded():
    logit, label = [-4.0, -3.0, 3.0, 4.0] * 20, [0, 0, 1, 1] * 20
    fitted = fit_calibrator("temperature", logit, label)
    assert fitted.temperature == pytest.approx(LIMITS[0], rel=1e-2)
    assert "separate" in fitted.note
    for name in ("platt", "beta", "isotonic", "histogram"):
        p = fit_calibrator(name, logit, label).probability([-4.0, 4.0])
        assert p[0] == pytest.approx(1 / 42, abs=0.03)
        assert p[1] == pytest.approx(41 / 42, abs=0.03)


@pytest.mark.parametrize("name", ["platt", "beta", "isotonic"])
def test_a_wrong_ranking_gives_a_constant_and_a_note(name):
    logit, label = overconfident(400)
    fitted = fit_calibrator(name, -logit, label)
    p = fitted.probability(np.linspace(-20, 20, 50))
    assert np.ptp(p) < 0.02
    assert "do not rank" in fitted.note
    if name != "isotonic":
        assert (np.diff(p) > 0).all()


def test_unknown_names_nan_and_no_cases_are_refused():
    with pytest.raises(ConfigError, match="did you mean 'platt'"):
        fit_calibrator("plat", [1.0], [1])
    with pytest.raises(DataError, match="1 of them NaN"):
        fit_calibrator("beta", [np.nan, 1.0], [0, 1])
    with pytest.raises(DataError, match="0 logits"):
        fit_calibrator("beta", [], [])
