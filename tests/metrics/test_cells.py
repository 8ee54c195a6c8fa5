import numpy as np
import pytest
from sklearn import metrics as sk

from medcnn.metrics.bootstrap import Sample
from medcnn.metrics.cells import EXACT, CellMetrics, reduce_to_cells

THRESHOLD = 0.45


def reference(label, p, weight):
    called = p >= THRESHOLD
    return {
        "balanced_accuracy": sk.balanced_accuracy_score(label, called, sample_weight=weight),
        "f1": sk.f1_score(label, called, sample_weight=weight),
        "mcc": sk.matthews_corrcoef(label, called, sample_weight=weight),
        "average_precision": sk.average_precision_score(label, p, sample_weight=weight),
        "partial_auroc": sk.roc_auc_score(label, p, max_fpr=0.1, sample_weight=weight),
    }


def test_every_reweighted_copy_agrees_with_scikit_learn(cases):
    label, p = cases
    cells = reduce_to_cells(label, p, THRESHOLD)
    assert cells.exact
    rng = np.random.default_rng(3)
    drawn = [rng.integers(len(p), size=len(p)) for _ in range(5)]
    weights = np.stack([cells.sample.weigh(units) for units in drawn])
    found = CellMetrics(cells, (0.9,), (0.95,)).comparable(weights)
    for row, units in enumerate(drawn):
        weight = np.bincount(units, minlength=len(p)).astype(float)
        for name, value in reference(label, p, weight).items():
            assert found[name][row] == pytest.approx(value), name
        kept = weight > 0
        fpr, tpr, _ = sk.roc_curve(label[kept], p[kept], sample_weight=weight[kept])
        expected = tpr[fpr <= 0.1 + 1e-12].max()
        assert found["sensitivity_at_specificity 0.90"][row] == pytest.approx(expected)
        expected = 1 - fpr[tpr >= 0.95 - 1e-12].min()
        assert found["specificity_at_sensitivity 0.95"][row] == pytest.approx(expected)


def test_many_distinct_scores_keep_counts_exact_and_curves_close():
    rng = np.random.default_rng(4)
    label = rng.integers(0, 2, 3 * EXACT)
    p = 1 / (1 + np.exp(-(rng.normal(size=len(label)) + label)))
    cells = reduce_to_cells(label, p, THRESHOLD)
    assert not cells.exact
    found = CellMetrics(cells).comparable(cells.sample.weigh(np.arange(len(p)))[None])
    expected = reference(label, p, None)
    for name in ("balanced_accuracy", "f1", "mcc"):
        assert found[name][0] == pytest.approx(expected[name], abs=1e-12)
    assert found["average_precision"][0] == pytest.approx(expected["average_precision"], abs=1e-3)
    assert found["partial_auroc"][0] == pytest.approx(expected["partial_auroc"], abs=1e-3)


def test_a_copy_without_a_class_is_undefined_and_never_zero(cases):
    label, p = cases
    cells = reduce_to_cells(label, p, THRESHOLD)
    normal = np.flatnonzero(label == 0)
    found = CellMetrics(cells, (0.9,), (0.9,)).comparable(cells.sample.weigh(normal)[None])
    undefined = {name for name, value in found.items() if np.isnan(value[0]).any()}
    assert undefined == {*found} - {"f1"}


def test_clusters_are_weighed_whole():
    sample = Sample(np.array([0, 1, 0, 2]), 3, np.array([0, 0, 1, 1]))
    np.testing.assert_array_equal(sample.weigh(np.array([1, 1])), [2, 0, 2])
    assert sample.units == 2
