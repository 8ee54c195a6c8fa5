"""ROC and precision-recall curves and the numbers read off them, from one sort."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medcnn.metrics.estimate import FloatArray, IntArray


@dataclass(frozen=True)
class Tally:
    """Cumulative counts over the distinct scores, highest first.

    ``tp[k]`` and ``fp[k]`` count the abnormal and normal cases with ``p >= score[k]``.
    """

    score: FloatArray
    tp: FloatArray
    fp: FloatArray

    @property
    def positives(self) -> float:
        """The number of abnormal cases."""
        return float(self.tp[-1]) if len(self.tp) else 0.0

    @property
    def negatives(self) -> float:
        """The number of normal cases."""
        return float(self.fp[-1]) if len(self.fp) else 0.0


def tally(label: IntArray, p: FloatArray) -> Tally:
    """Count the abnormal and normal cases at or above each distinct score; O(N log N)."""
    order = np.argsort(-p, kind="stable")
    p_sorted, label_sorted = p[order], label[order]
    last = np.append(np.flatnonzero(np.diff(p_sorted)), len(p) - 1)
    tp = np.cumsum(label_sorted, dtype=np.float64)[last]
    return Tally(p_sorted[last], tp, last + 1.0 - tp)


def roc_curve(counts: Tally) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ``(fpr, tpr, threshold)`` from (0, 0) to (1, 1); the first threshold is infinite."""
    fpr = np.concatenate(([0.0], counts.fp / counts.negatives))
    tpr = np.concatenate(([0.0], counts.tp / counts.positives))
    return fpr, tpr, np.concatenate(([np.inf], counts.score))


def precision_recall_curve(counts: Tally) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ``(precision, recall, threshold)`` by falling threshold."""
    precision = counts.tp / (counts.tp + counts.fp)
    return precision, counts.tp / counts.positives, counts.score


def sensitivity_at_specificity(counts: Tally, specificity: float) -> float:
    """Return the highest sensitivity of a threshold whose specificity is at least ``specificity``.

    A threshold above every score (sensitivity 0, specificity 1) always counts.
    """
    allowed = counts.fp <= (1 - specificity) * counts.negatives + 1e-9
    reached = int(np.count_nonzero(allowed))
    return float(counts.tp[reached - 1] / counts.positives) if reached else 0.0


def specificity_at_sensitivity(counts: Tally, sensitivity: float) -> float:
    """Return the highest specificity of a threshold that keeps ``sensitivity``."""
    if sensitivity <= 0:
        return 1.0
    first = int(np.argmax(counts.tp >= sensitivity * counts.positives - 1e-9))
    return float(1 - counts.fp[first] / counts.negatives)


def partial_auroc(counts: Tally, max_fpr: float = 0.1) -> float:
    """Return the area under the ROC curve up to ``max_fpr``.

    Standardised after McClish (1989): 0.5 is chance and 1 perfect, as in scikit-learn.
    """
    if not 0 < max_fpr <= 1:
        raise ValueError(f"max_fpr must lie within (0, 1], found {max_fpr}")
    fpr, tpr, _ = roc_curve(counts)
    inside = fpr <= max_fpr
    x = np.append(fpr[inside], max_fpr)
    y = np.append(tpr[inside], np.interp(max_fpr, fpr, tpr))
    area = float(np.diff(x) @ (y[1:] + y[:-1])) / 2
    chance = max_fpr**2 / 2
    return 0.5 * (1 + (area - chance) / (max_fpr - chance))
