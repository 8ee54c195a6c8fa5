"""Two distributions on one axis, one upwards and one downwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from medcnn.reporting.figures.style import (
    INK,
    MUTED,
    PAPER,
    legend,
    new_figure,
    plain_numbers,
    proportions,
)
from medcnn.reporting.wording import Wording

Array = npt.NDArray[np.float64]
BINS = 30


@dataclass(frozen=True)
class Half:
    """The cases of one half of the figure."""

    values: Array
    colour: str
    name: str


def mirrored_histogram(
    upper: Half, lower: Half, words: Wording, x: str, y: str, threshold: float | None = None
) -> Figure:
    """Draw the share of each half's cases in every bin, the first upwards, the second downwards.

    Shares rather than counts, so that a rare group is seen beside a common one; the legend says how
    many cases each half has, and an empty half is left out.

    Args:
        upper: The first half.
        lower: The second.
        words: The language.
        x: What the number is called.
        y: What the shares are of.
        threshold: Where a line is drawn; the number is then a probability.
    """
    figure, (axes,) = new_figure(5.4, 3.6)
    low, high = 0.0, 1.0
    axes.xaxis.set_major_formatter(plain_numbers(words))
    if threshold is not None:
        axes.axvline(threshold, color=INK, lw=1.1, ls=(0, (4, 2)), label=words("fig.threshold"))
        axes.set_xlim(-0.01, 1.01)
        proportions(axes, words, "x")
    else:
        both = np.concatenate([upper.values, lower.values])
        low, high = min(float(both.min()), 0.0), float(both.max())
    bins = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    for half, sign in ((upper, 1), (lower, -1)):
        if len(half.values) == 0:
            continue
        share = np.histogram(half.values, bins)[0] / len(half.values)
        axes.bar(
            bins[:-1],
            sign * share,
            np.diff(bins),
            align="edge",
            color=half.colour,
            lw=0.6,
            ec=PAPER,
            label=f"{half.name} (n = {words.count(len(half.values))})",
        )
    axes.axhline(0, color=MUTED, lw=0.8)
    top = max(abs(value) for value in axes.get_ylim())
    axes.set_ylim(-top, top)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(lambda value, _: words.percent(abs(value), 0))
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    legend(axes, loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=3)
    return figure
