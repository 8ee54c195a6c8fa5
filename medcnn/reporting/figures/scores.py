"""Scores by class, the confusion matrix and the reliability diagram. Legend: N cases."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from medcnn.metrics.proportions import share, subset
from medcnn.reporting.figures.mirrored import Half, mirrored_histogram
from medcnn.reporting.figures.style import (
    ABNORMAL,
    ACCENT,
    FAINT,
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

Labels = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]


def histogram(label_N: Labels, score_N: Array, threshold: float, words: Wording) -> Figure:
    """Draw the share of each class's cases by score, normal above and abnormal below the axis."""
    upper, lower = (
        Half(score_N[label_N == label], colour, words(f"common.{name}"))
        for label, colour, name in ((0, NORMAL, "normal"), (1, ABNORMAL, "abnormal"))
    )
    of = words("fig.share_of_class")
    return mirrored_histogram(upper, lower, words, words("fig.score"), of, threshold)


def confusion(counts: Mapping[str, int], words: Wording) -> Figure:
    """Draw the four counts; the shade is the share of the row, that is of the reference class."""
    figure, (axes,) = new_figure(4.4, 3.6)
    rows = [("fn", "tp"), ("tn", "fp")]
    totals = [sum(int(counts.get(cell) or 0) for cell in row) for row in rows]
    for y, (row, total) in enumerate(zip(rows, totals, strict=True)):
        for x, cell in enumerate(row):
            count = int(counts.get(cell) or 0)
            share = count / total if total else 0.0
            right = cell in ("tp", "tn")
            axes.fill_between(
                [x, x + 1], y, y + 1, color=FAINT if not right else SOFT, ec=PAPER, lw=3
            )
            axes.text(
                x + 0.5,
                y + 0.44,
                words.count(count),
                ha="center",
                va="center",
                fontsize=19,
                color=INK,
            )
            detail = f"{words(f'outcome.{cell}')} · {words.percent(share)}"
            axes.text(
                x + 0.5, y + 0.74, detail, ha="center", va="center", fontsize=7.5, color=MUTED
            )
    axes.set(xlim=(0, 2), ylim=(2, 0))
    axes.set_xticks([0.5, 1.5], [words("common.normal"), words("common.abnormal")])
    axes.set_yticks([0.5, 1.5], [words("common.abnormal"), words("common.normal")])
    axes.tick_params(axis="y", rotation=90)
    for label in axes.get_yticklabels():
        label.set_verticalalignment("center")
    axes.set_xlabel(words("fig.decision"))
    axes.set_ylabel(words("fig.reference"))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return figure


def reliability(
    label_N: Labels, score_N: Array, cluster_N: Labels | None, level: float, words: Wording
) -> Figure:
    """Draw the observed share of abnormal cases against the stated probability, in ten bins.

    The bins hold equal numbers of cases; vertical lines are Wilson intervals of the given level, by
    patient where some patients have several cases.
    """
    figure, (axes,) = new_figure(4.9, 4.7)
    unit_square(axes, words)
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.8, ls=(0, (4, 3)), label=words("fig.ideal"))
    order = np.argsort(score_N, kind="stable")
    bins = [part for part in np.array_split(order, min(10, max(1, len(order) // 5))) if len(part)]
    stated = np.array([score_N[part].mean() for part in bins])
    found = [share(label_N[part], subset(cluster_N, part), level) for part in bins]
    observed = np.array([each.value for each in found], dtype=np.float64)
    low, high = np.array([each.ci for each in found], dtype=np.float64).T
    label = words("fig.interval", level=words.percent(level, 0))
    axes.vlines(stated, low, high, color=ACCENT, lw=1.3, label=label)
    axes.plot(stated, observed, color=ACCENT, lw=1.0, alpha=0.6)
    axes.plot(stated, observed, "o", ms=6, mfc=ACCENT, mec=PAPER, mew=1, label=words("fig.bin"))
    axes.set_xlabel(words("fig.stated_probability"))
    axes.set_ylabel(words("fig.observed_share"))
    legend(axes, loc="upper left")
    return figure
