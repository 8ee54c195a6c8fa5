"""Areas under a curve that weigh some of the cases more: average precision, partial AUROC.

Both are the mean over cases of something that depends on the cases ranked above, so that the
influence of each case is known and one sort makes the interval. It is on the logit scale, which
keeps it within [0, 1] and covers best (Boyd, Eng and Page, ECML PKDD 2013, for the average
precision; McClish, Medical Decision Making 9 (1989) 190-195, for the partial AUROC).
"""

from __future__ import annotations

import numpy as np

from medcnn.metrics.auroc import placements, separated
from medcnn.metrics.curves import partial_auroc, precision_recall_curve, roc_curve, tally
from medcnn.metrics.estimate import Estimate, FloatArray, IntArray, by_cluster, undefined
from medcnn.metrics.influence import LOGIT, interval

METHOD = "jackknife-logit"


def average_precision_estimate(
    label: IntArray, p: FloatArray, *, cluster: IntArray | None = None, level: float = 0.95
) -> Estimate:
    """Return the average precision with its interval; the prevalence varies with the sample.

    Args:
        label: 0 or 1.
        p: Scores; only their order matters.
        cluster: The patient of each case as integers from 0.
        level: Nominal coverage.
    """
    if label.min() == label.max():
        return _without_a_class(label, cluster)
    order = np.argsort(-p, kind="stable")
    counts = tally(label[order], p[order])
    precision, _, _ = precision_recall_curve(counts)
    called, hits = counts.tp + counts.fp, np.diff(counts.tp, prepend=0.0)
    value = float(hits @ precision) / counts.positives
    # A case changes its own precision and that of each abnormal case ranked with or below it.
    place = np.empty(len(p), np.int64)
    place[order] = np.repeat(np.arange(len(called)), np.diff(called, prepend=0.0).astype(np.int64))
    more, less = (
        np.cumsum(each[::-1])[::-1][place] for each in (hits / called, hits * precision / called)
    )
    influence = (label * (precision[place] - value + more) - less) / label.mean()
    return _estimate(value, influence, label, cluster, level)


def partial_auroc_estimate(
    label: IntArray,
    p: FloatArray,
    max_fpr: float,
    *,
    cluster: IntArray | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the standardised area under the ROC curve up to ``max_fpr`` with its interval.

    That the score at ``max_fpr`` is estimated too needs no density of scores: a normal case that
    moves past it moves an area of height 0. Arguments as for ``average_precision_estimate``.
    """
    if label.min() == label.max():
        return _without_a_class(label, cluster)
    counts = tally(label, p)
    fpr, tpr, _ = roc_curve(counts)
    place, abnormal = placements(label, p), label == 1
    reach = np.where(
        abnormal,
        np.maximum(place - (1 - max_fpr), 0),
        np.minimum(place - np.interp(max_fpr, fpr, tpr), 0),
    )
    for inside in (abnormal, ~abnormal):
        reach[inside] = (reach[inside] - reach[inside].mean()) / inside.mean()
    influence = reach / (2 * max_fpr - max_fpr**2)
    return _estimate(partial_auroc(counts, max_fpr), influence, label, cluster, level)


def _estimate(
    value: float, influence: FloatArray, label: IntArray, cluster: IntArray | None, level: float
) -> Estimate:
    if value == 1.0:
        return separated(value, label == 1, METHOD, cluster, level)
    return interval(value, influence, METHOD, scale=LOGIT, cluster=cluster, level=level)


def _without_a_class(label: IntArray, cluster: IntArray | None) -> Estimate:
    return undefined(
        by_cluster(METHOD, cluster), f"no {'normal' if label.min() else 'abnormal'} case"
    )
