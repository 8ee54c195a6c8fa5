"""Whether doubt tells the wrong decisions from the right ones. Legend: N cases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from medcnn.reporting.figures.style import (
    ABNORMAL,
    ACCENT,
    MUTED,
    NORMAL,
    PAPER,
    legend,
    localise,
    new_figure,
)
from medcnn.reporting.wording import Wording

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def right_and_wrong(
    doubt_N: Array,
    wrong_N: Flags,
    measure: str,
    words: Wording,
) -> Figure:
    """Draw the distribution of one measure of doubt among right and among wrong decisions."""
    figure, (axes,) = new_figure(5.4, 3.6)
    top = float(np.nanmax(doubt_N)) or 1.0
    edges = np.linspace(0, top, 26)
    groups = ((~wrong_N, 1, NORMAL, "right"), (wrong_N, -1, ABNORMAL, "wrong"))
    for chosen, sign, colour, name in groups:
        if not chosen.any():
            continue
        share = np.histogram(doubt_N[chosen], edges)[0] / chosen.sum()
        label = f"{words(f'fig.{name}')} (n = {words.count(int(chosen.sum()))})"
        width = edges[1] - edges[0]
        axes.bar(
            edges[:-1],
            sign * share,
            width,
            align="edge",
            color=colour,
            lw=0.6,
            ec=PAPER,
            label=label,
        )
    axes.axhline(0, color=MUTED, lw=0.8)
    localise(axes, words)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(lambda value, _: words.percent(abs(value), 0))
    axes.set_xlabel(measure)
    axes.set_ylabel(words("fig.share_of_group"))
    legend(axes, loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2)
    return figure


def risk_coverage(
    doubt_N: Array,
    wrong_N: Flags,
    words: Wording,
) -> Figure:
    """Draw the error rate among the cases kept, when the most doubtful are referred first.

    The dashed line is the error rate of referring at random; the dotted curve refers every wrong
    decision first, which no measure of doubt can beat (Geifman and El-Yaniv, NeurIPS 2017).
    """
    figure, (axes,) = new_figure(5.4, 3.6)
    kept = np.arange(1, len(wrong_N) + 1)
    risk = np.cumsum(wrong_N[np.argsort(doubt_N, kind="stable")]) / kept
    best = np.cumsum(np.sort(wrong_N)) / kept
    shown = np.unique(np.linspace(0, len(kept) - 1, 400).astype(int))
    coverage = kept[shown] / len(kept)
    axes.plot(coverage, risk[shown], color=ACCENT, lw=1.8, label=words("fig.by_doubt"))
    axes.plot(
        coverage, best[shown], color=MUTED, lw=1.0, ls=(0, (1, 1.5)), label=words("fig.oracle")
    )
    axes.axhline(wrong_N.mean(), color=MUTED, lw=0.9, ls=(0, (4, 3)), label=words("fig.at_random"))
    axes.set(xlim=(0, 1.01), ylim=(0, None))
    axes.xaxis.set_major_formatter(lambda value, _: words.percent(value, 0))
    axes.yaxis.set_major_formatter(lambda value, _: words.percent(value, 0))
    axes.set_xlabel(words("fig.coverage"))
    axes.set_ylabel(words("fig.risk"))
    legend(axes, loc="upper left")
    return figure
