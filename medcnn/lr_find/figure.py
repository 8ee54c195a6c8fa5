"""The figure of a range test: the loss against the rate, and what is suggested."""

from __future__ import annotations

import numpy as np

from medcnn.lr_find.suggestion import Array, Suggestion, smooth
from medcnn.reporting.figures.style import ABNORMAL, ACCENT, MUTED, legend, new_figure, to_png


def draw(rates: Array, losses: Array, found: Suggestion) -> bytes:
    """Return a PNG of the batch losses, their smoothed curve and the suggested rate."""
    figure, (axes,) = new_figure(6.4, 3.8)
    curve = smooth(rates, losses)
    axes.semilogx(rates, losses, ".", color=MUTED, ms=3, alpha=0.6, label="loss of a batch")
    axes.semilogx(rates, curve, color=ACCENT, lw=1.8, label="smoothed")
    if found.lr is not None:
        height = float(np.interp(np.log10(found.lr), np.log10(rates), curve))
        axes.axvline(found.lr, color=ABNORMAL, lw=1, ls=(0, (4, 2)))
        axes.plot([found.lr], [height], "o", color=ABNORMAL, label=f"suggested: {found.lr:.1e}")
    low, high = float(curve.min()), float(curve[: max(len(curve) // 4, 3)].max())
    margin = max(high - low, 1e-3)
    axes.set_ylim(low - 0.35 * margin, high + 0.8 * margin)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    legend(axes, loc="best")
    return to_png(figure)
