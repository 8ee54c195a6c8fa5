"""Votes against NumPy, SciPy, scikit-learn and exhaustive search."""

import json

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from medcnn.calibration.combination import VOTES, Combination, fit_combination, fit_merge
from medcnn.errors import ConfigError, DataError


@pytest.fixture
def members():
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, 400)
    signal = label - 0.5
    scores = [1.5 * signal, 3 * signal, 0 * signal]
    return expit(np.array([s + rng.normal(size=400) for s in scores])), label


def test_plain_means(members):
    p, label = members
    np.testing.assert_allclose(fit_combination("soft", p, label)(p), p.mean(0))
    np.testing.assert_allclose(fit_combination("logit", p, label)(p), expit(logit(p).mean(0)))


def test_hard_counts_members_at_their_own_thresholds(members):
    p, label = members
    found = fit_combination("hard", p, label, thresholds=[0.2, 0.5, 0.9])(p)
    expected = (p >= np.array([[0.2], [0.5], [0.9]])).mean(0)
    np.testing.assert_array_equal(found, expected)


def test_a_member_exactly_at_its_threshold_calls_abnormal():
    p = np.array([[0.5, 0.4], [0.3, 0.2]])
    found = fit_combination("hard", p, np.array([1, 0]), thresholds=[0.5, 0.2])(p)
    assert found.tolist() == [1.0, 0.5]


def test_ranks_are_those_among_validation(members):
    p, label = members
    found = fit_combination("rank", p, label)(p)
    expected = np.mean([(rankdata(row) - 0.5) / len(row) for row in p], axis=0)
    np.testing.assert_allclose(found, expected)
    assert 0 <= fit_combination("rank", p, label)(np.array([[0.0], [1.0], [0.5]]))[0] <= 1


def test_weights_have_the_least_log_loss_of_a_fine_grid(members):
    p, label = members
    fitted = fit_combination("weighted", p, label)
    assert sum(fitted.weights) == pytest.approx(1)
    assert min(fitted.weights) >= 0
    grid = [
        (a, b, 1 - a - b)
        for a in np.linspace(0, 1, 51)
        for b in np.linspace(0, 1, 51)
        if a + b <= 1
    ]
    best = min(log_loss(label, np.clip(np.array(w) @ p, 1e-9, 1 - 1e-9)) for w in grid)
    assert log_loss(label, fitted(p)) <= best + 1e-7


def test_greedy_never_does_worse_than_the_best_member_and_leaves_noise_out(members):
    p, label = members
    fitted = fit_combination("greedy", p, label)
    assert log_loss(label, fitted(p)) <= min(log_loss(label, row) for row in p) + 1e-12
    shares = np.array(fitted.weights)
    assert sum(shares) == pytest.approx(1)
    # So many members were added, each a whole number of times.
    assert any(np.allclose(shares * added, np.round(shares * added)) for added in range(1, 51))
    assert fitted.weights[1] == max(fitted.weights)


def test_greedy_takes_one_member_where_it_is_perfect():
    label = np.array([0, 0, 1, 1])
    p = np.array([[0.4, 0.6, 0.4, 0.6], [0.01, 0.01, 0.99, 0.99]])
    assert fit_combination("greedy", p, label).weights == (0.0, 1.0)


def test_stacking_is_logistic_regression_on_the_logits(members):
    p, label = members
    model = LogisticRegression().fit(logit(p).T, label)
    found = fit_combination("stacked", p, label)(p)
    np.testing.assert_allclose(found, model.predict_proba(logit(p).T)[:, 1], rtol=1e-9)


@pytest.mark.parametrize("vote", VOTES)
def test_votes_hold_at_the_bounds_with_one_class_and_through_json(vote):
    p = np.array([[0.0, 1.0, 0.5], [0.0, 1.0, 0.5]])
    for label in ([0, 1, 1], [1, 1, 1]):
        fitted = fit_combination(vote, p, label)
        found = fitted(p)
        assert np.isfinite(found).all()
        assert ((found >= 0) & (found <= 1)).all()
        again = Combination.from_json(json.loads(json.dumps(fitted.to_json())))
        np.testing.assert_array_equal(again(p), found)


@pytest.mark.parametrize("vote", VOTES)
def test_one_member_keeps_its_order(vote):
    p = np.linspace(0.05, 0.95, 30)[None]
    label = (p[0] + np.random.default_rng(0).normal(0, 0.3, 30) > 0.5).astype(int)
    assert (np.diff(fit_combination(vote, p, label)(p)) >= 0).all()


def test_views_merge_by_name(members):
    p, label = members
    assert fit_merge("max", p, label) is None
    assert fit_merge("geometric", p, label).vote == "logit"
    assert fit_merge("mean", p, label).vote == "soft"
    assert len(fit_merge("weighted", p, label).weights) == 3


def test_unknown_names_and_broken_records_are_refused():
    with pytest.raises(ConfigError, match="soft"):
        fit_combination("sofd", [[0.5]], [1])
    with pytest.raises(ConfigError, match="mean"):
        fit_merge("meen", [[0.5]], [1])
    with pytest.raises(DataError, match=r"recorded combination lacks .weights"):
        Combination.from_json({"vote": "soft"})
