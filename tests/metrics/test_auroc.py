import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score
from torchmetrics.functional.classification import binary_auroc

from medcnn.metrics.auroc import (
    auroc,
    auroc_value,
    auroc_variance,
    midranks,
    paired_delong,
    placements,
)


def all_pairs(label, scores):
    """DeLong's structural components by the definition, O(mn): S×m and S×n."""
    v10, v01 = [], []
    for s in scores:
        x, y = s[label == 1][:, None], s[label == 0]
        psi = (x > y) + 0.5 * (x == y)
        v10.append(psi.mean(1))
        v01.append(psi.mean(0))
    return np.array(v10), np.array(v01)


def test_values_agree_with_scikit_learn_and_torchmetrics():
    rng = np.random.default_rng(0)
    label, p = rng.integers(0, 2, 300), rng.integers(0, 20, 300) / 20
    np.testing.assert_allclose(midranks(p), stats.rankdata(p))
    assert auroc(label, p).value == pytest.approx(roc_auc_score(label, p))
    assert auroc_value(label, p) == pytest.approx(
        float(binary_auroc(torch.tensor(p), torch.tensor(label))), abs=1e-6
    )


@pytest.mark.parametrize(
    ("test", "area", "error"),
    # DeLong et al. (1988), as PROC LOGISTIC prints it in the SAS/STAT manual.
    [("albumin", 0.7366, 0.0927), ("kg", 0.7258, 0.1028), ("protein", 0.6478, 0.1000)],
)
def test_areas_and_errors_of_delongs_ovarian_cancer_data(ovarian, test, area, error):
    found = auroc(ovarian["label"], ovarian[test])
    assert found.value == pytest.approx(area, abs=6e-5)
    assert auroc_variance(ovarian["label"], ovarian[test]) ** 0.5 == pytest.approx(error, abs=6e-5)


@pytest.mark.parametrize(
    ("test", "difference", "interval", "chi_squared", "p_value"),
    [
        ("albumin", 0.0108, (-0.1761, 0.1976), 0.0127, 0.9102),
        ("protein", -0.0780, (-0.2830, 0.1271), 0.5554, 0.4561),
    ],
)
def test_comparisons_of_delongs_ovarian_cancer_data(
    ovarian, test, difference, interval, chi_squared, p_value
):
    found = paired_delong(ovarian["label"], ovarian[test], ovarian["kg"])
    assert found.difference.value == pytest.approx(difference, abs=6e-5)
    assert found.difference.ci == pytest.approx(interval, abs=6e-5)
    assert found.z**2 == pytest.approx(chi_squared, abs=6e-5)
    assert found.p_value == pytest.approx(p_value, abs=6e-5)


def test_fast_variance_and_paired_test_are_those_of_all_pairs():
    rng = np.random.default_rng(1)
    label = rng.integers(0, 2, 120)
    a, b = (np.round(rng.normal(size=120) + label, 1) for _ in range(2))
    v10, v01 = all_pairs(label, (a, b))
    covariance = np.cov(v10) / v10.shape[1] + np.cov(v01) / v01.shape[1]
    assert auroc_variance(label, a) == pytest.approx(covariance[0, 0])
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    difference = v10[0].mean() - v10[1].mean()
    assert paired_delong(label, a, b).z == pytest.approx(difference / error)
    assert placements(label, a)[label == 1].mean() == pytest.approx(v10[0].mean())


def test_clustered_variance_is_obuchowskis_by_all_pairs():
    rng = np.random.default_rng(2)
    cluster = np.repeat(np.arange(40), rng.integers(1, 5, 40))
    label = rng.integers(0, 2, len(cluster))
    p = np.round(rng.normal(size=len(cluster)) + label + rng.normal(size=40)[cluster], 1)
    v10, v01 = all_pairs(label, (p,))
    area, m, n = v10.mean(), v10.shape[1], v01.shape[1]
    sums10, sums01 = np.zeros(40), np.zeros(40)
    np.add.at(sums10, cluster[label == 1], v10[0] - area)
    np.add.at(sums01, cluster[label == 0], v01[0] - area)
    i10, i01 = len(set(cluster[label == 1])), len(set(cluster[label == 0]))
    expected = i10 / (i10 - 1) * (sums10**2).sum() / m**2
    expected += i01 / (i01 - 1) * (sums01**2).sum() / n**2
    expected += 2 * 40 / 39 * (sums10 * sums01).sum() / (m * n)
    assert auroc_variance(label, p, cluster) == pytest.approx(expected)


def test_one_case_a_patient_gives_the_plain_interval(cases):
    label, p = cases
    plain, own = auroc(label, p), auroc(label, p, cluster=np.arange(len(p)))
    assert own.ci == pytest.approx(plain.ci)
    assert own.method == "delong-clustered"


def test_interval_is_the_logit_one_with_welchs_degrees_of_freedom(cases):
    label, p = cases
    v10, v01 = all_pairs(label, (p,))
    parts = [v.var(ddof=1) / v.shape[1] for v in (v10, v01)]
    df = sum(parts) ** 2 / sum(
        q**2 / (v.shape[1] - 1) for q, v in zip(parts, (v10, v01), strict=True)
    )
    area = v10.mean()
    half = stats.t.ppf(0.975, df) * np.sqrt(sum(parts)) / (area * (1 - area))
    centre = np.log(area / (1 - area))
    expected = 1 / (1 + np.exp(-(centre + np.array([-half, half]))))
    assert auroc(label, p).ci == pytest.approx(tuple(expected))


def test_an_image_taken_twice_tells_nothing_new_about_a_difference(cases):
    label, first = cases
    second = np.random.default_rng(5).permutation(first) * 0.2 + 0.8 * first
    once = paired_delong(label, first, second)
    twice = paired_delong(
        np.tile(label, 2),
        np.tile(first, 2),
        np.tile(second, 2),
        cluster=np.tile(np.arange(len(label)), 2),
    )
    assert twice.z == pytest.approx(once.z)
    assert twice.difference.ci == pytest.approx(once.difference.ci)
    assert twice.difference.method == "delong-paired-clustered"
    blind = paired_delong(np.tile(label, 2), np.tile(first, 2), np.tile(second, 2))
    assert abs(blind.z) > 1.35 * abs(once.z)


def test_only_the_order_matters_and_reversal_mirrors(cases):
    label, p = cases
    found, moved = auroc(label, p), auroc(label, np.exp(3 * p))
    turned = auroc(label, 1 - p)
    assert moved.ci == pytest.approx(found.ci)
    assert turned.value == pytest.approx(1 - found.value)
    assert turned.ci == pytest.approx((1 - found.ci[1], 1 - found.ci[0]))


def test_perfect_separation_has_the_exact_bound_of_the_smaller_class():
    found = auroc(np.array([0] * 20 + [1] * 10), np.arange(30.0))
    assert found.value == 1
    assert found.ci == pytest.approx((0.025**0.1, 1.0))
    assert "perfectly separated" in found.note


def test_absent_and_single_cases_say_why_there_is_nothing():
    assert auroc(np.zeros(3, int), np.arange(3.0)).to_json() == {
        "value": None,
        "ci": None,
        "method": "delong",
        "note": "0 abnormal and 3 normal cases",
    }
    one = auroc(np.array([0, 0, 1, 0]), np.array([0.1, 0.9, 0.5, 0.2]))
    assert one.ci is None and "one case" in one.note
    assert paired_delong(np.array([0, 1, 0]), np.arange(3.0), np.arange(3.0)) is None


def test_a_score_against_itself_differs_by_nothing(cases):
    label, p = cases
    same = paired_delong(label, p, p)
    assert (same.difference.value, same.z, same.p_value) == (0.0, 0.0, 1.0)


def test_an_area_needs_a_case_of_each_class_and_its_interval_two():
    p = np.array([0.2, 0.4, 0.6, 0.3])
    for label in (np.zeros(4, int), np.ones(4, int)):
        assert auroc_value(label, p) is None
        assert auroc(label, p).value is None
    one_abnormal = auroc(np.array([0, 1, 0, 0]), p)
    assert one_abnormal.value == pytest.approx(2 / 3)
    assert one_abnormal.ci is None
    two_of_each = auroc(np.array([0, 1, 0, 1]), p)
    assert two_of_each.ci is not None
    assert auroc_variance(np.array([0, 1, 0, 1]), p) > 0
    assert auroc_variance(np.array([0, 1, 0, 0]), p) is None
