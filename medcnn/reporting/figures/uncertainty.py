"""Whether doubt tells the wrong decisions from the right ones. Legend: N cases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from medcnn.metrics.uncertainty import risk_coverage as measured
from medcnn.reporting.figures.mirrored import Half, mirrored_histogram
from medcnn.reporting.figures.style import (
    ABNORMAL,
    ACCENT,
    MUTED,
    NORMAL,
    legend,
    new_figure,
)
from medcnn.reporting.wording import Wording

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def right_and_wrong(doubt_N: Array, wrong_N: Flags, measure: str, words: Wording) -> Figure:
    """Draw the distribution of one measure of doubt among right and among wrong decisions."""
    upper = Half(doubt_N[~wrong_N], NORMAL, words("fig.right"))
    lower = Half(doubt_N[wrong_N], ABNORMAL, words("fig.wrong"))
    return mirrored_histogram(upper, lower, words, measure, words("fig.share_of_group"))


def risk_coverage(doubt_N: Array, wrong_N: Flags, words: Wording) -> Figure:
    """Draw the error rate among the cases kept, when the most doubtful are referred first.

    Cases of equal doubt count with the mean error of their tie, as in the AURC of the results.

    The dashed line is the error rate of referring at random; the dotted curve refers every wrong
    decision first, which no measure of doubt can beat (Geifman and El-Yaniv, NeurIPS 2017).
    """
    figure, (axes,) = new_figure(5.4, 3.6)
    wrong = wrong_N.astype(np.float64)
    coverage, risk = measured(wrong, doubt_N)
    _, best = measured(wrong, wrong)
    shown = np.unique(np.linspace(0, len(coverage) - 1, 400).astype(int))
    lines = (
        (risk, ACCENT, 1.8, "-", "by_doubt"),
        (best, MUTED, 1.0, (0, (1, 1.5)), "oracle"),
    )
    for values, colour, width, style, name in lines:
        axes.plot(
            coverage[shown],
            values[shown],
            color=colour,
            lw=width,
            ls=style,
            label=words(f"fig.{name}"),
        )
    axes.axhline(wrong_N.mean(), color=MUTED, lw=0.9, ls=(0, (4, 3)), label=words("fig.at_random"))
    # Room above the curves for the legend, which would otherwise lie on the line of chance.
    axes.set(xlim=(0, 1.01), ylim=(0, 1.45 * max(float(risk[shown].max()), 0.01)))
    axes.xaxis.set_major_formatter(lambda value, _: words.percent(value, 0))
    axes.yaxis.set_major_formatter(lambda value, _: words.percent(value, 0))
    axes.set_xlabel(words("fig.coverage"))
    axes.set_ylabel(words("fig.risk"))
    legend(axes, loc="upper left")
    return figure
