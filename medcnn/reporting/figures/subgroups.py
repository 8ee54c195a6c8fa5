"""A forest plot: one measure in every subgroup, beside its value in all cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medcnn.metrics.estimate import Estimate
from medcnn.reporting.figures.style import ACCENT, INK, MUTED, PAPER, new_figure, proportions
from medcnn.reporting.wording import Wording


@dataclass(frozen=True)
class ForestRow:
    """One subgroup of a forest plot.

    Attributes:
        label: What the group is called.
        n: Its cases; None for what is no group.
        estimates: One estimate a panel, in the order of the panels.
    """

    label: str
    n: int | None
    estimates: tuple[Estimate, ...]


def forest(
    rows: Sequence[ForestRow], overall: Sequence[Estimate], titles: Sequence[str], words: Wording
) -> Figure:
    """Draw one panel a measure; the dashed line is the value in all cases."""
    height = 0.9 + 0.27 * len(rows)
    figure, panels = new_figure(9.6, height, len(titles), sharey=True)
    for index, (axes, title, whole) in enumerate(zip(panels, titles, overall, strict=True)):
        if whole.value is not None:
            axes.axvline(whole.value, color=MUTED, lw=0.9, ls=(0, (3, 2)))
        for y, row in enumerate(rows):
            _mark(axes, y, row.estimates[index], words)
        axes.set_title(title, fontsize=9, loc="left")
        axes.set(xlim=(-0.015, 1.015), ylim=(len(rows) - 0.4, -0.6))
        proportions(axes, words, "x")
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
    labels = [
        row.label if row.n is None else f"{row.label}  (n = {words.count(row.n)})" for row in rows
    ]
    panels[0].set_yticks(range(len(rows)), labels, parse_math=False, color=INK)
    return figure


def _mark(axes: Axes, y: int, estimate: Estimate, words: Wording) -> None:
    if estimate.value is None:
        text = words("common.not_estimable")
        axes.text(0.5, y, text, ha="center", va="center", fontsize=7, color=MUTED, style="italic")
        return
    if estimate.low is not None and estimate.high is not None:
        axes.plot(
            [estimate.low, estimate.high], [y, y], color=ACCENT, lw=1.6, solid_capstyle="butt"
        )
    axes.plot([estimate.value], [y], "s", ms=5.5, mfc=ACCENT, mec=PAPER, mew=0.8)
