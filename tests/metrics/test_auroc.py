import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from medcnn.metrics.auroc import auroc, auroc_variance, midranks, paired_delong, placements


def test_midranks_and_auroc_with_ties_agree_with_scipy_and_scikit_learn():
    rng = np.random.default_rng(0)
    label, p = rng.integers(0, 2, 300), rng.integers(0, 20, 300) / 20
    np.testing.assert_allclose(midranks(p), stats.rankdata(p))
    assert auroc(label, p).value == pytest.approx(roc_auc_score(label, p))


def test_variance_and_paired_test_agree_with_delong_by_all_pairs():
    rng = np.random.default_rng(1)
    label = rng.integers(0, 2, 120)
    a, b = (np.round(rng.normal(size=120) + label, 1) for _ in range(2))
    v10, v01 = [], []
    for s in (a, b):
        x, y = s[label == 1][:, None], s[label == 0]
        psi = (x > y) + 0.5 * (x == y)
        v10.append(psi.mean(1))
        v01.append(psi.mean(0))
    cov = np.cov(v10) / len(v10[0]) + np.cov(v01) / len(v01[0])
    assert auroc_variance(label, a) == pytest.approx(cov[0, 0])
    z = (v10[0].mean() - v10[1].mean()) / np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    assert paired_delong(label, a, b).z == pytest.approx(z)
    assert placements(label, a)[label == 1].mean() == pytest.approx(v10[0].mean())


def test_perfect_separation_has_an_interval_and_an_absent_class_none():
    found = auroc(np.array([0] * 20 + [1] * 10), np.arange(30.0))
    assert found.value == 1 and 0.6 < found.ci[0] < 0.8 and found.ci[1] == 1
    assert auroc(np.zeros(3, int), np.arange(3.0)).value is None
