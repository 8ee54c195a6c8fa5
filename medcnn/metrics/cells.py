"""Cases reduced to cells of score and label, and the metrics of many reweighted copies at once.

Up to ``EXACT`` distinct scores keep a group each. Beyond, scores fall into groups between quantiles
of both classes, with the threshold among the edges: confusion counts stay exact, and a curve is off by
at most a thousandth of a class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medcnn.metrics.bootstrap import Sample
from medcnn.metrics.estimate import FloatArray, IntArray

EXACT = 2000
QUANTILES = 1000  # of each class
MAX_FPR = 0.1  # up to which the partial AUROC goes


@dataclass(frozen=True)
class Cells:
    """Scores in K groups by falling score; cell ``g`` holds group g's normals, ``K + g`` the rest.

    Attributes:
        sample: The cell and cluster of each case.
        groups: K.
        exact: Whether every distinct score has its own group.
        called: The share called abnormal of each of the 2K cells, 0 or 1.
    """

    sample: Sample
    groups: int
    exact: bool
    called: FloatArray


def reduce_to_cells(
    label: IntArray, p: FloatArray, threshold: float, cluster: IntArray | None = None
) -> Cells:
    """Return the cells of cases; the threshold never cuts through a group."""
    values, group = np.unique(p, return_inverse=True)
    exact = len(values) <= EXACT
    if not exact:
        # Groups are [edge, next edge): the threshold itself belongs to the abnormal side.
        classes = [p[label == k] for k in np.unique(label)]
        quantiles = [np.quantile(scores, np.linspace(0, 1, QUANTILES)) for scores in classes]
        cuts = np.concatenate([*quantiles, [threshold]])
        of_value = np.searchsorted(np.unique(cuts), values, side="right")
        group = np.unique(of_value, return_inverse=True)[1][group]
    groups = int(group.max()) + 1
    sample = Sample((groups - 1 - group) + groups * label, 2 * groups, cluster)
    called = np.zeros(sample.cells)
    called[sample.cell] = p >= threshold
    return Cells(sample, groups, exact, called)


@dataclass(frozen=True)
class Counts:
    """R rows of weighted counts: of each class, called abnormal, and at or above each of K scores."""

    positives: FloatArray
    negatives: FloatArray
    hits: FloatArray
    alarms: FloatArray
    tp: FloatArray
    fp: FloatArray


@dataclass(frozen=True)
class CellMetrics:
    """The statistics of ``bootstrap``: from R×2K weights to R values of each, NaN where undefined."""

    cells: Cells
    specificities: Sequence[float] = ()
    sensitivities: Sequence[float] = ()

    def comparable(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Return all that two models are compared by."""
        with np.errstate(divide="ignore", invalid="ignore"):
            at = self._counts(weights)
            found = confusion_metrics(at.hits, at.alarms, at.positives, at.negatives)
            return found | areas(at, weights[:, self.cells.groups :]) | self._read_off(at)

    def along_curve(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Return the points of the curve at the specificities and sensitivities asked for."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._read_off(self._counts(weights))

    def _counts(self, weights: FloatArray) -> Counts:
        groups, called = self.cells.groups, self.cells.called
        normal, abnormal = weights[:, :groups], weights[:, groups:]
        return Counts(
            positives=abnormal.sum(axis=1),
            negatives=normal.sum(axis=1),
            hits=abnormal @ called[groups:],
            alarms=normal @ called[:groups],
            tp=np.cumsum(abnormal, axis=1),
            fp=np.cumsum(normal, axis=1),
        )

    def _read_off(self, at: Counts) -> dict[str, FloatArray]:
        classes = at.positives, at.negatives
        either = np.where((at.positives > 0) & (at.negatives > 0), 1.0, np.nan)
        found = {}
        for bound in self.specificities:
            value = sensitivity_at(at.tp, at.fp, *classes, bound) * either
            found[f"sensitivity_at_specificity {bound:.2f}"] = value
        for bound in self.sensitivities:
            value = specificity_at(at.tp, at.fp, *classes, bound) * either
            found[f"specificity_at_sensitivity {bound:.2f}"] = value
        return found


def areas(at: Counts, abnormal: FloatArray) -> dict[str, FloatArray]:
    """Return average precision and partial AUROC of R×K weights of the abnormal cases."""
    precision = at.tp / np.maximum(at.tp + at.fp, 1e-300)
    return {
        "average_precision": np.einsum("rk,rk->r", precision, abnormal) / at.positives,
        "partial_auroc": partial_auroc(at.tp, at.fp, at.positives, at.negatives),
    }


def confusion_metrics(
    tp: FloatArray, fp: FloatArray, positives: FloatArray, negatives: FloatArray
) -> dict[str, FloatArray]:
    """Return balanced accuracy, F1 and Matthews' correlation, NaN where a denominator is 0."""
    fn, tn = positives - tp, negatives - fp
    spread = np.sqrt((tp + fp) * positives * negatives * (tn + fn))
    return {
        "balanced_accuracy": (tp / positives + tn / negatives) / 2,
        "f1": 2 * tp / (2 * tp + fp + fn),
        "mcc": (tp * tn - fp * fn) / spread,
    }


def sensitivity_at(
    tp: FloatArray, fp: FloatArray, positives: FloatArray, negatives: FloatArray, bound: float
) -> FloatArray:
    """Return each row's highest sensitivity with specificity at least ``bound``."""
    allowed = fp <= ((1 - bound) * negatives + 1e-9)[:, None]
    reached = np.count_nonzero(allowed, axis=1)
    hit = np.take_along_axis(tp, np.maximum(reached - 1, 0)[:, None], axis=1)[:, 0]
    return np.where(reached > 0, hit, 0.0) / positives


def specificity_at(
    tp: FloatArray, fp: FloatArray, positives: FloatArray, negatives: FloatArray, bound: float
) -> FloatArray:
    """Return each row's highest specificity with sensitivity at least ``bound``."""
    first = np.argmax(tp >= (bound * positives - 1e-9)[:, None], axis=1)
    alarms = np.take_along_axis(fp, first[:, None], axis=1)[:, 0]
    return 1 - alarms / negatives


def partial_auroc(
    tp: FloatArray, fp: FloatArray, positives: FloatArray, negatives: FloatArray
) -> FloatArray:
    """Return each row's area up to a false positive rate of ``MAX_FPR``, after McClish (1989)."""
    tpr, fpr = tp / positives[:, None], fp / negatives[:, None]
    before = np.concatenate([np.zeros((len(fpr), 1)), fpr[:, :-1]], axis=1)
    risen = np.diff(tpr, axis=1, prepend=0.0)
    run = fpr - before
    inside = np.minimum(fpr, MAX_FPR) - np.minimum(before, MAX_FPR)
    slope = np.divide(risen, run, out=np.zeros_like(run), where=run > 0)
    area = np.sum(inside * (tpr - risen + slope * inside / 2), axis=1)
    chance = MAX_FPR**2 / 2
    standardised: FloatArray = 0.5 * (1 + (area - chance) / (MAX_FPR - chance))
    return standardised
