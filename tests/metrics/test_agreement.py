import numpy as np
import pytest
import torch
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa
from torchmetrics.functional.classification import binary_cohen_kappa

from medcnn.metrics.agreement import kappa


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
    low, high = expected.kappa_low, expected.kappa_upp
    assert found.ci == pytest.approx((max(low, -1), min(high, 1)), abs=2e-3)
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
    assert twice.width == pytest.approx(once.width * np.sqrt(100 / 99))
    assert twice.method == "fleiss-cohen-everitt-clustered"
    alone = kappa(first[:3], 1 - first[:3], cluster=np.zeros(3, int))
    assert alone.ci is None
