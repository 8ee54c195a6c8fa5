import numpy as np
import pytest
from scipy.special import expit

from medcnn.calibration.conformal import (
    covers,
    cross_p_values,
    doubt_of,
    fit_conformal,
    own_p_values,
    prediction_sets,
)
from medcnn.calibration.fit import fit_calibrator
from medcnn.errors import ConfigError, DataError


def cases(n, seed, prevalence=0.3, bias=0.0):
    """Cases with a two-valued subgroup, of which the second is harder."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < prevalence).astype(int)
    group = rng.integers(2, size=n)
    logit = rng.normal(np.where(label == 1, 1.5, -1.5), 1 + 0.5 * group) + bias
    return label, expit(logit), group


def test_a_set_worked_by_hand():
    # Scores of the four true labels: 0.1, 0.2, 0.4 (normal) and 0.3 (abnormal); 4 + 1 = 5.
    fitted = fit_conformal([0.1, 0.2, 0.4, 0.7], [0, 0, 0, 1], "split")
    np.testing.assert_allclose(fitted.p_values([0.25, 0.75]), [[3 / 5, 1 / 5], [1 / 5, 3 / 5]])
    assert prediction_sets(fitted.p_values([0.25, 0.75]), 0.2).tolist() == ["normal", "abnormal"]
    assert prediction_sets(fitted.p_values([0.25, 0.75]), 0.1).tolist() == ["both", "both"]
    assert prediction_sets(fitted.p_values([0.5]), 0.2).tolist() == ["none"]
    by_class = fit_conformal([0.1, 0.2, 0.4, 0.7], [0, 0, 0, 1], "class_conditional")
    np.testing.assert_allclose(by_class.p_values([0.25]), [[2 / 4, 1 / 2]])


def test_p_values_are_the_quantile_rule_of_the_textbook():
    label, p, _ = cases(199, 0)
    _, new, _ = cases(500, 1)
    for alpha in (0.05, 0.1, 0.3):
        score = np.sort(np.where(label == 1, 1 - p, p))
        cut = score[int(np.ceil(200 * (1 - alpha))) - 1]
        expected = [
            {0: "none", 1: "normal", 2: "abnormal", 3: "both"}[a + 2 * b]
            for a, b in zip(new <= cut, 1 - new <= cut, strict=True)
        ]
        found = prediction_sets(fit_conformal(p, label, "split").p_values(new), alpha)
        assert found.tolist() == expected


def simulate(method, alpha, repeats=400, bias=0.0, shift=None):
    hits = []
    for seed in range(repeats):
        label, p, _ = cases(60, seed, bias=bias)
        new_label, new, group = cases(60, 10_000 + seed, bias=bias, **(shift or {}))
        sets = prediction_sets(fit_conformal(p, label, method).p_values(new), alpha)
        hits.append(np.column_stack([covers(sets, new_label), new_label, group]))
    return np.concatenate(hits)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
def test_split_sets_cover_at_least_as_often_as_promised(alpha):
    hit = simulate("split", alpha)[:, 0]
    assert 1 - alpha - 0.008 <= hit.mean() <= 1 - alpha + 1 / 61 + 0.008


@pytest.mark.parametrize("alpha", [0.1, 0.2])
def test_class_conditional_sets_cover_within_each_class_and_at_any_prevalence(alpha):
    for shift in (None, {"prevalence": 0.9}):
        hit, label, _ = simulate("class_conditional", alpha, bias=-1.0, shift=shift).T
        for of in (0, 1):
            assert hit[label == of].mean() >= 1 - alpha - 0.012
    # Split sets leave the rarer class behind, which is why the other is the default.
    hit, label, _ = simulate("split", alpha, bias=-1.0).T
    assert hit[label == 1].mean() < 1 - alpha - 0.05


def test_coverage_by_subgroup_is_not_promised_and_the_harder_one_has_less():
    hit, _, group = simulate("class_conditional", 0.1).T
    easy, hard = hit[group == 0].mean(), hit[group == 1].mean()
    assert easy > 0.92
    assert 0.80 < hard < 0.90


def test_cross_conformal_covers_with_models_fitted_on_the_other_folds():
    hits = []
    for seed in range(150):
        label, p, _ = cases(60, seed)
        new_label, new, _ = cases(60, 10_000 + seed)
        logit, new_logit = np.log(p / (1 - p)), np.log(new / (1 - new))
        fold = np.arange(60) % 5
        models = [fit_calibrator("platt", logit[fold != k], label[fold != k]) for k in range(5)]
        folds = [
            (model.probability(logit[fold == k]), label[fold == k])
            for k, model in enumerate(models)
        ]
        values = cross_p_values(folds, [model.probability(new_logit) for model in models])
        hits.append(covers(prediction_sets(values, 0.1), new_label))
    assert 0.88 <= np.mean(hits) <= 0.94


def test_one_fold_of_cross_conformal_is_split_conformal():
    label, p, _ = cases(80, 0)
    _, new, _ = cases(40, 1)
    np.testing.assert_allclose(
        cross_p_values([(p, label)], new), fit_conformal(p, label, "split").p_values(new)
    )
    with pytest.raises(DataError, match="one model a fold"):
        cross_p_values([(p, label)], [new, new])


@pytest.mark.parametrize("method", ["split", "class_conditional"])
def test_own_p_values_leave_the_case_itself_out(method):
    label, p, _ = cases(40, 3)
    found = own_p_values(p, label, method)
    for case in range(40):
        rest = np.arange(40) != case
        left = fit_conformal(p[rest], label[rest], method).p_values(p[case : case + 1])[0]
        np.testing.assert_allclose(found[case], left)


def test_too_few_cases_hold_both_labels_and_doubt_is_the_lesser_p_value():
    fitted = fit_conformal([0.2, 0.9], [0, 1], "class_conditional")
    assert prediction_sets(fitted.p_values([0.0, 1.0]), 0.1).tolist() == ["both", "both"]
    no_abnormal = fit_conformal([0.2, 0.3], [0, 0], "class_conditional")
    assert no_abnormal.p_values([0.1])[0, 1] == 1.0
    np.testing.assert_allclose(doubt_of(np.array([[0.3, 0.1], [0.2, 0.9]])), [0.1, 0.2])


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="conformal method"):
        fit_conformal([0.1], [0], "jackknife")
    with pytest.raises(DataError, match="calibration cases"):
        fit_conformal([], [], "split")
    with pytest.raises(ValueError, match="alpha"):
        prediction_sets(np.ones((1, 2)), 1.0)
