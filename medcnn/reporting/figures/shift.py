"""Two populations of numbers, one above and one below the axis."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from medcnn.metrics.estimate import FloatArray
from medcnn.reporting.figures.mirrored import Half, mirrored_histogram
from medcnn.reporting.figures.style import ABNORMAL, ACCENT, INK, legend, localise, new_figure
from medcnn.reporting.wording import Wording

BINS = 30


def two_sides(
    here: FloatArray,
    home: FloatArray,
    words: Wording,
    label: str,
    threshold: float | None = None,
) -> Figure:
    """Draw the shares of the images here (above) and at home (below) by a number.

    Args:
        here: Of the images here.
        home: Of those at home.
        words: The language.
        label: What the number is called.
        threshold: Where a line is drawn.
    """
    figure, (axes,) = new_figure(5.4, 3.4)
    both = np.concatenate([here, home])
    low, high = (0.0, 1.0) if threshold is not None else (float(both.min()), float(both.max()))
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    if threshold is not None:
        axes.axvline(threshold, color=INK, lw=1.1, ls=(0, (4, 2)), label=words("fig.threshold"))
    upper = Half(here, ABNORMAL, words("shift.score_here"))
    lower = Half(home, ACCENT, words("shift.score_home"))
    mirrored_histogram(axes, upper, lower, edges, words)
    localise(axes, words)
    axes.set_xlabel(label)
    axes.set_ylabel(words("shift.share"))
    legend(axes, loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=3)
    return figure
