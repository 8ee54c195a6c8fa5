"""Two distributions on one axis, one upwards and one downwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from medcnn.reporting.figures.style import MUTED, PAPER
from medcnn.reporting.wording import Wording

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Half:
    """The cases of one half of the figure."""

    values: Array
    colour: str
    name: str


def mirrored_histogram(
    axes: Axes, upper: Half, lower: Half, edges: Sequence[float] | Array, words: Wording
) -> None:
    """Draw the share of each half's cases in every bin, the first upwards, the second downwards.

    Shares rather than counts, so that a rare group is seen beside a common one; the legend says how
    many cases each half has, and an empty half is left out.
    """
    bins = np.asarray(edges, dtype=np.float64)
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
