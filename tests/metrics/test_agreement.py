import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.metrics import cohen_kappa_score, f1_score, matthews_corrcoef
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint
from torchmetrics.functional.classification import binary_cohen_kappa

from medcnn.metrics.agreement import f1, kappa, matthews


def decisions(both, first, second, neither):
    counts = [both, first, second, neither]
    return np.repeat([1, 1, 0, 0], counts), np.repeat([1, 0, 1, 0], counts)


@pytest.mark.parametrize("counts", [(20, 5, 10, 15), (90, 4, 3, 3), (5, 9, 9, 5), (30, 0, 0, 12)])
def test_agrees_with_statsmodels_scikit_learn_and_torchmetrics(counts):
    first, second = decisions(*counts)
    found = kappa(first, second)
    both, one, two, neither = counts
    expected = cohens_kappa(np.array([[neither, two], [one, both]]))
    assert found.value == pytest.approx(expected.kappa)
    if found.value < 1:
        # The same standard error, on the scale on which the interval is symmetric. Of a narrow
        # interval, Student's quantile and the normal one are nearly the same.
        z = np.arctanh(kappa(first, second, level=0.1).ci)
        assert z.mean() == pytest.approx(np.arctanh(expected.kappa))
        n = sum(counts)
        error = expected.std_kappa * np.sqrt(n / (n - 1))
        half = norm.ppf(0.55) * error / (1 - expected.kappa**2)
        assert np.ptp(z) / 2 == pytest.approx(half, rel=2e-2)
    assert found.value == pytest.approx(cohen_kappa_score(first, second))
    expected = binary_cohen_kappa(torch.tensor(first), torch.tensor(second))
    assert found.value == pytest.approx(float(expected), abs=1e-6)


def test_textbook_example():
    # Two readers of 50 grant applications: both yes 20, both no 15; chance agreement is 0.5.
    assert kappa(*decisions(20, 5, 10, 15)).value == pytest.approx(0.4)


def test_no_disagreement_possible_is_undefined_rather_than_one():
    ones = np.ones(5, int)
    assert kappa(ones, ones).value is None
    assert kappa(np.array([], int), np.array([], int)).note == "no cases"


def test_an_image_taken_twice_tells_nothing_new():
    first, second = decisions(40, 9, 6, 45)
    once = kappa(first, second)
    cluster = np.tile(np.arange(100), 2)
    twice = kappa(np.tile(first, 2), np.tile(second, 2), cluster=cluster)
    assert twice.value == pytest.approx(once.value)
    z = [np.ptp(np.arctanh(found.ci)) for found in (once, twice)]
    assert z[1] == pytest.approx(z[0])
    assert twice.method == "fleiss-cohen-everitt-clustered"
    alone = kappa(first[:3], 1 - first[:3], cluster=np.zeros(3, int))
    assert alone.ci is None


@pytest.mark.parametrize("counts", [(20, 5, 10, 15), (60, 14, 9, 37), (5, 9, 9, 5)])
def test_matthews_and_f1_are_scikit_learns(counts):
    first, second = decisions(*counts)
    found = matthews(first, second)
    assert found.value == pytest.approx(matthews_corrcoef(second, first))
    rng = np.random.default_rng(0)
    copies = rng.multinomial(sum(counts), np.array(counts) / sum(counts), size=20_000)
    a, b, c, d = copies.T.astype(float)
    with np.errstate(invalid="ignore"):
        drawn = (a * d - b * c) / np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    spread = np.nanstd(np.arctanh(np.clip(drawn, -0.99, 0.99)))
    half = np.ptp(np.arctanh(found.ci)) / 2
    assert half == pytest.approx(norm.ppf(0.975) * spread, rel=0.12)
    found = f1(first, second)
    assert found.value == pytest.approx(f1_score(second, first))
    both, one, two, _ = counts
    jaccard = np.array(proportion_confint(both, both + one + two, method="wilson"))
    assert found.ci == pytest.approx(tuple(2 * jaccard / (1 + jaccard)))


def test_perfect_agreement_keeps_a_lower_bound_below_1():
    first, _ = decisions(10, 0, 0, 10)
    for found in (kappa(first, first), matthews(first, first)):
        exact = proportion_confint(20, 20, method="beta")[0]
        assert found.ci == pytest.approx((2 * exact - 1, 1.0))
        assert found.note == "no disagreement: exact binomial bound from 20"
    assert kappa(first, 1 - first).ci is None
    once = kappa(first, first, cluster=np.arange(20) // 2)
    assert once.ci[0] < kappa(first, first).ci[0]


def test_matthews_and_f1_are_undefined_where_nothing_varies():
    ones, zeros = np.ones(4, int), np.zeros(4, int)
    assert matthews(ones, np.array([0, 1, 0, 1])).value is None
    assert f1(zeros, zeros).value is None
    assert f1(ones, zeros).value == 0.0


def test_matthews_and_f1_know_of_patients():
    first, second = decisions(40, 9, 6, 45)
    cluster = np.tile(np.arange(100), 2)
    for measure in (f1, matthews):
        once = measure(first, second)
        twice = measure(np.tile(first, 2), np.tile(second, 2), cluster=cluster)
        assert twice.value == pytest.approx(once.value)
        assert twice.width == pytest.approx(once.width, rel=0.05)
        assert twice.method == f"{once.method}-clustered"
