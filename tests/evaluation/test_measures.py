from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as sk

from medcnn.evaluation import measures
from medcnn.evaluation.cases import Cases, cases_of


def simulated(n, seed=0):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.3).astype(np.int64)
    p = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * label - 1)))
    return Cases(label, p, n)


def test_confusion_counts_a_score_on_the_threshold_as_abnormal():
    cases = Cases(np.array([1, 1, 0, 0]), np.array([0.5, 0.4, 0.5, 0.1]), 4)
    found = measures.confusion_of(cases, 0.5)
    assert (found.tp, found.fn, found.fp, found.tn) == (1, 1, 1, 1)


def test_many_cases_are_read_off_the_exact_curve_not_off_its_bins():
    cases = simulated(30_000)
    found = measures.resampled(cases, 0.4, 0.95, 0)
    assert "scores in bins" in found.sensitivity_at_specificity["0.90"].note
    fpr, tpr, _ = sk.roc_curve(cases.label, cases.p, drop_intermediate=False)
    at = found.sensitivity_at_specificity["0.90"].value
    assert at == pytest.approx(tpr[fpr <= 0.1].max(), abs=1e-12)


def test_areas_are_scikit_learns():
    cases = simulated(500, seed=3)
    expected = sk.roc_auc_score(cases.label, cases.p, max_fpr=0.1)
    assert measures.partial_auroc(cases, 0.95)["0.10"].value == pytest.approx(expected, abs=1e-9)
    expected = sk.average_precision_score(cases.label, cases.p)
    assert measures.average_precision(cases, 0.95).value == pytest.approx(expected, abs=1e-12)


def test_balanced_accuracy_is_scikit_learns_and_its_interval_that_of_two_samples():
    cases = simulated(400, seed=2)
    found = measures.of_decisions(cases, 0.4, 0.95).balanced_accuracy
    assert found.value == pytest.approx(sk.balanced_accuracy_score(cases.label, cases.p >= 0.4))
    rng = np.random.default_rng(0)
    c = measures.confusion_of(cases, 0.4)
    hits = rng.binomial(cases.positives, c.tp / cases.positives, 20_000) / cases.positives
    passed = rng.binomial(cases.negatives, c.tn / cases.negatives, 20_000) / cases.negatives
    drawn = (hits + passed) / 2
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.ci == pytest.approx((low, high), abs=0.006)
    alone = Cases(np.ones(3, np.int64), np.full(3, 0.5), 3)
    assert measures.of_decisions(alone, 0.4, 0.95).balanced_accuracy.value is None


def test_the_headline_counts_patients_and_is_wider_where_their_images_are_alike(several):
    cases = cases_of(several)
    by_case = measures.headline_by_case(cases, 0.5, 0.95)
    by_patient = measures.headline(cases, 0.5, 0.95)
    assert by_patient.auroc.value == by_case.auroc.value
    assert by_patient.accuracy.width > by_case.accuracy.width
    assert by_patient.sensitivity.method == "wilson-clustered"
    assert by_case.sensitivity.method == "wilson"
    assert measures.headline_by_case(cases_of(several, clusters=False), 0.5, 0.95) is None


def test_decision_measures_speak_of_the_threshold_given():
    cases = simulated(400, seed=1)
    c = measures.confusion_of(cases, 0.5)
    ratio = (c.tp / (c.tp + c.fn)) / (c.fp / (c.fp + c.tn))
    found = measures.likelihood_ratios(cases, 0.5, 0.95)
    assert found.positive.value == pytest.approx(ratio)
    curve = measures.decision_curve(cases, 0.95)
    here = next(row for row in curve if row.threshold == 0.5)
    assert here.net_benefit.value == pytest.approx((c.tp - c.fp) / 400)


def test_predictive_values_follow_bayes():
    label, called = (
        np.repeat([1, 1, 0, 0], [90, 10, 20, 80]),
        np.repeat([1, 0, 1, 0], [90, 10, 20, 80]),
    )
    found = measures.predictive_values(Cases(label, called.astype(float), 200), 0.5, 0.05, 0.95)
    assert found.ppv.value == pytest.approx(0.9 * 0.05 / (0.9 * 0.05 + 0.2 * 0.95))
    assert found.npv.value == pytest.approx(0.8 * 0.95 / (0.8 * 0.95 + 0.1 * 0.05))


def test_operating_points_mark_the_chosen_one():
    points = measures.operating_points(simulated(100), 0.43, 0.95)
    assert [point.threshold for point in points if point.chosen] == [0.43]
    sensitivity = [point.sensitivity.value for point in points]
    assert sensitivity == sorted(sensitivity, reverse=True)


def test_other_thresholds_count_patients_rather_than_images(several):
    cases = cases_of(several)
    points = {point.threshold: point for point in measures.operating_points(cases, 0.45, 0.95)}
    expected = measures.headline(cases, 0.45, 0.95)
    assert points[0.45].chosen and not points[0.5].chosen
    for name in ("sensitivity", "specificity"):
        assert getattr(points[0.45], name) == getattr(expected, name)


def test_every_measure_counts_a_score_on_the_threshold_as_abnormal():
    label = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    p = np.array([0.5, 0.5, 0.5, 0.9, 0.1, 0.5, 0.2, 0.2, 0.2, 0.1])
    cases = Cases(label, p, 10)
    found = measures.headline(cases, 0.5, 0.95)
    assert found.sensitivity.value == found.specificity.value == 0.8
    decided = measures.of_decisions(cases, 0.5, 0.95)
    assert (decided.f1.value, decided.mcc.value) == pytest.approx((0.8, 0.6))
    curve = {point.threshold: point for point in measures.decision_curve(cases, 0.95)}
    assert curve[0.5].net_benefit.value == pytest.approx((4 - 1) / 10)
    point = next(each for each in measures.operating_points(cases, 0.5, 0.95) if each.chosen)
    assert point.sensitivity.value == 0.8
    # No other threshold has a higher index of Youden than 0.6.
    assert measures.resampled(cases, 0.5, 0.95, 0).youden_lost.value == pytest.approx(0.0)


def test_what_the_threshold_lost_is_read_off_the_exact_curve():
    cases = simulated(5_000, seed=4)
    threshold = float(np.sort(cases.p)[2_000])
    fpr, tpr, at = sk.roc_curve(cases.label, cases.p, drop_intermediate=False)
    gained = tpr - fpr
    lost = measures.resampled(cases, threshold, 0.95, 0).youden_lost
    expected = gained.max() - gained[np.flatnonzero(at == threshold)[0]]
    assert lost.value == pytest.approx(expected, abs=1e-12)
    # A threshold above every score calls none, and gains nothing.
    none = measures.resampled(cases, 1.1, 0.95, 0).youden_lost
    assert none.value == pytest.approx(gained.max(), abs=1e-12)


@pytest.mark.parametrize("images", [1, 4])
def test_a_point_of_the_curve_with_hardly_a_case_beyond_it_has_no_interval(images):
    cases = simulated(400, seed=5)
    cluster = np.arange(400) // images if images > 1 else None
    found = measures.resampled(replace(cases, cluster=cluster), 0.4, 0.95, 0)
    # About 280 normal and 120 abnormal cases, or 70 and 30 patients were they in fours of a kind.
    wide = found.sensitivity_at_specificity["0.80"]
    assert wide.ci is not None
    rare = found.specificity_at_sensitivity["0.98"]
    assert rare.value is not None and rare.ci is None
    assert rare.method == "no-interval-few"
    beyond = {name: each.ci is not None for name, each in found.specificity_at_sensitivity.items()}
    units = len(np.unique(cluster[cases.label == 1])) if images > 1 else cases.positives
    assert beyond == {f"{at:.2f}": units * (1 - at) >= 5 for at in measures.SENSITIVITIES}
