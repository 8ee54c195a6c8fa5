import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torchmetrics.functional.classification import (
    binary_sensitivity_at_specificity,
    binary_specificity_at_sensitivity,
)

from medcnn.metrics import curves


def test_roc_and_precision_recall_agree_with_scikit_learn(cases):
    label, p = cases
    counts = curves.tally(label, p)
    fpr, tpr, threshold = curves.roc_curve(counts)
    expected = sk.roc_curve(label, p, drop_intermediate=False)
    for ours, theirs in zip((fpr, tpr, threshold), expected, strict=True):
        np.testing.assert_allclose(ours, theirs)
    precision, recall, threshold = curves.precision_recall_curve(counts)
    theirs = sk.precision_recall_curve(label, p)
    np.testing.assert_allclose(precision[::-1], theirs[0][:-1])
    np.testing.assert_allclose(recall[::-1], theirs[1][:-1])
    np.testing.assert_allclose(threshold[::-1], theirs[2])


@pytest.mark.parametrize("bound", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_numbers_read_off_the_curve_agree_with_torchmetrics(cases, bound):
    label, p = cases
    counts = curves.tally(label, p)
    tensors = torch.tensor(p), torch.tensor(label)
    at_specificity, _ = binary_sensitivity_at_specificity(*tensors, min_specificity=bound)
    at_sensitivity, _ = binary_specificity_at_sensitivity(*tensors, min_sensitivity=bound)
    found = curves.sensitivity_at_specificity(counts, bound)
    assert found == pytest.approx(float(at_specificity), abs=1e-6)
    found = curves.specificity_at_sensitivity(counts, bound)
    assert found == pytest.approx(float(at_sensitivity), abs=1e-6)


@pytest.mark.parametrize("limit", [0.05, 0.1, 0.37, 1.0])
def test_partial_area_agrees_with_scikit_learn(cases, limit):
    label, p = cases
    counts = curves.tally(label, p)
    expected = sk.roc_auc_score(label, p, max_fpr=limit if limit < 1 else None)
    assert curves.partial_auroc(counts, limit) == pytest.approx(expected)


def test_ends_of_the_curve():
    counts = curves.tally(np.array([0, 1]), np.array([0.9, 0.1]))
    assert curves.sensitivity_at_specificity(counts, 0.9) == 0.0
    assert curves.specificity_at_sensitivity(counts, 0.0) == 1.0
    with pytest.raises(ValueError, match="found 0"):
        curves.partial_auroc(counts, 0)
    empty = curves.Tally(np.array([]), np.array([]), np.array([]))
    assert (empty.positives, empty.negatives) == (0.0, 0.0)
