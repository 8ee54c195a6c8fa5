"""ROC and precision–recall curves with their operating point. Legend: N cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medcnn.evaluation.readers import ReaderResults
from medcnn.metrics.curves import precision_recall_curve, roc_curve, tally
from medcnn.metrics.estimate import BoolArray, Estimate
from medcnn.metrics.proportions import share, subset
from medcnn.reporting.figures.style import (
    ABNORMAL,
    ACCENT,
    INK,
    MUTED,
    NORMAL,
    PAPER,
    SOFT,
    legend,
    new_figure,
    unit_square,
)
from medcnn.reporting.wording import Wording

_POINTS = 400
_BAND = 60  # thresholds of each class at which the band is found
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """One of several sets of predictions of the same cases."""

    name: str
    label: npt.NDArray[np.int64]
    score: Array
    sensitivity: Estimate
    specificity: Estimate
    auroc: Estimate


def roc(
    side: Scored,
    cluster_N: npt.NDArray[np.int64] | None,
    level: float,
    words: Wording,
    readers: Sequence[ReaderResults] = (),
) -> Figure:
    """Draw the ROC curve, a pointwise band, the operating point and the points of human readers.

    The band is the Wilson interval of sensitivity at each false positive rate, that rate taken as
    known, and by patient where some have several cases; it says nothing about the whole curve.
    """
    figure, axes = _square(4.9, 4.7, words)
    if 0 < int(side.label.sum()) < len(side.label):
        band = words("fig.band", level=words.percent(level, 0))
        bounds = _band(side.label == 1, side.score, cluster_N, level)
        axes.fill_between(*bounds, color=SOFT, lw=0, alpha=0.75, label=band)
        fpr, tpr = _thinned(*roc_curve(tally(side.label, side.score))[:2])
        text = words("fig.roc_line", auroc=words.number(side.auroc.value))
        axes.plot(fpr, tpr, color=ACCENT, lw=1.8, label=text)
    if side.sensitivity.value is not None and side.specificity.value is not None:
        _cross(axes, side.sensitivity, side.specificity, words)
    _points(axes, readers, words)
    legend(axes, loc="lower right")
    return figure


def _square(width: float, height: float, words: Wording) -> tuple[Figure, Axes]:
    """Return sensitivity over false positive rate, with the line of chance."""
    figure, (axes,) = new_figure(width, height)
    unit_square(axes, words)
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.8, ls=(0, (4, 3)))
    axes.set_xlabel(words("fig.false_positive_rate"))
    axes.set_ylabel(words("measure.sensitivity"))
    return figure, axes


def _band(
    abnormal_N: BoolArray, score_N: Array, cluster_N: npt.NDArray[np.int64] | None, level: float
) -> tuple[Array, Array, Array]:
    """Return false positive rates and the bounds of sensitivity there, from thresholds of both."""
    even = np.linspace(0, 1, _BAND)
    classes = score_N[abnormal_N], score_N[~abnormal_N]
    cuts = np.concatenate([np.quantile(each, even, method="inverted_cdf") for each in classes])
    cuts = np.append(np.unique(cuts), np.inf)
    normal = np.sort(classes[1])
    fpr = 1 - np.searchsorted(normal, cuts, side="left") / len(normal)
    owner = subset(cluster_N, abnormal_N)
    low, high = np.array([share(classes[0] >= cut, owner, level).ci for cut in cuts], float).T
    return fpr, low, high


def _points(axes: Axes, readers: Sequence[ReaderResults], words: Wording) -> None:
    """Mark the readers; the legend names the mark once."""
    for reader in readers:
        if reader.sensitivity.value is None or reader.specificity.value is None:
            continue
        x, y = 1 - reader.specificity.value, reader.sensitivity.value
        label = words("fig.reader") if reader is readers[0] else None
        axes.plot([x], [y], "D", ms=6, mfc="none", mec=NORMAL, mew=1.5, zorder=6, label=label)
        axes.annotate(
            reader.name,
            (x, y),
            xytext=(6, -9),
            textcoords="offset points",
            fontsize=7.5,
            color=NORMAL,
            parse_math=False,
        )


def two_curves(
    sides: Sequence[Scored], words: Wording, readers: Sequence[ReaderResults] = ()
) -> Figure:
    """Draw the ROC curves and operating points of two models on the same cases, and readers.

    A side without an AUROC, decisions rather than probabilities, is drawn as its point alone.
    """
    figure, axes = _square(5.4, 5.2, words)
    for side, colour, style in zip(sides, (ACCENT, ABNORMAL), ("-", "--"), strict=True):
        label = side.name
        if side.auroc.value is not None:
            fpr, tpr = _thinned(*roc_curve(tally(side.label, side.score))[:2])
            label = f"{side.name}, AUROC {words.number(side.auroc.value)}"
            axes.plot(fpr, tpr, color=colour, lw=1.8, ls=style, label=label)
        if side.sensitivity.value is not None and side.specificity.value is not None:
            x, y = 1 - side.specificity.value, side.sensitivity.value
            named = label if side.auroc.value is None else None
            axes.plot([x], [y], "o", ms=7, mfc=colour, mec=PAPER, mew=1.2, zorder=5, label=named)
    _points(axes, readers, words)
    legend(axes, loc="lower right")
    return figure


def precision_recall(
    label_N: npt.NDArray[np.int64],
    score_N: Array,
    sensitivity: Estimate,
    ppv: Estimate,
    average_precision: Estimate,
    words: Wording,
) -> Figure:
    """Draw precision against recall, with the prevalence as the line of no skill."""
    figure, (axes,) = new_figure(4.9, 4.7)
    unit_square(axes, words)
    prevalence = float(label_N.mean())
    axes.axhline(prevalence, color=MUTED, lw=0.8, ls=(0, (4, 3)))
    axes.text(
        0.01,
        prevalence + (0.02 if prevalence < 0.9 else -0.06),
        words("fig.prevalence_line", value=words.percent(prevalence)),
        color=MUTED,
        fontsize=8,
        zorder=6,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.85},
    )
    if prevalence > 0:
        precision, recall, _ = precision_recall_curve(tally(label_N, score_N))
        # From recall 0 on, the precision is that of the highest scores.
        recall, precision = np.append(0.0, recall), np.append(precision[0], precision)
        recall, precision = _thinned(recall, precision)
        text = words("fig.pr_line", value=words.number(average_precision.value))
        axes.step(recall, precision, where="pre", color=ACCENT, lw=1.8, label=text)
    if sensitivity.value is not None and ppv.value is not None:
        _error_bars(axes, sensitivity.value, ppv.value, sensitivity, ppv, words)
    axes.set_xlabel(words("fig.recall"))
    axes.set_ylabel(words("fig.precision"))
    # Above the line of the prevalence where that runs through the corner.
    legend(
        axes, loc="lower left", bbox_to_anchor=(0, prevalence + 0.07 if prevalence < 0.2 else 0.02)
    )
    return figure


def _thinned(x: Array, y: Array) -> tuple[Array, Array]:
    """Keep the shape of a monotone curve with few points, so that a million cases stay drawable."""
    if len(x) <= _POINTS:
        return x, y
    along_x = np.searchsorted(x, np.linspace(0, 1, _POINTS // 2))
    along_index = np.linspace(0, len(x) - 1, _POINTS // 2).astype(int)
    keep = np.unique(np.clip(np.concatenate([along_x, along_index]), 0, len(x) - 1))
    return x[keep], y[keep]


def _cross(axes: Axes, sensitivity: Estimate, specificity: Estimate, words: Wording) -> None:
    mirrored = Estimate(
        1 - (specificity.value or 0.0),
        None if specificity.ci is None else (1 - specificity.ci[1], 1 - specificity.ci[0]),
        specificity.method,
    )
    _error_bars(axes, mirrored.value or 0.0, sensitivity.value or 0.0, mirrored, sensitivity, words)


def _error_bars(
    axes: Axes, x: float, y: float, across: Estimate, upright: Estimate, words: Wording
) -> None:
    if across.low is not None and across.high is not None:
        axes.plot([across.low, across.high], [y, y], color=INK, lw=1.2, zorder=4)
    if upright.low is not None and upright.high is not None:
        axes.plot([x, x], [upright.low, upright.high], color=INK, lw=1.2, zorder=4)
    axes.plot(
        [x],
        [y],
        "o",
        ms=7,
        mfc=ABNORMAL,
        mec=PAPER,
        mew=1.2,
        zorder=5,
        label=words("fig.operating_point"),
    )
