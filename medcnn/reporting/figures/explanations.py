"""Figures of the measures of explanations: deletion and insertion, and forgetting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medcnn.evaluation.explained import CONTROL, Curves, Likeness
from medcnn.reporting.figures.style import MUTED, legend, localise, new_figure
from medcnn.reporting.wording import Wording

# Okabe and Ito's set, in tones that are read on white and on black.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#c48a00", "#56a4d9")
STYLES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1)), (0, (3, 1, 1, 1)))


def perturbation_curves(curves: Curves, words: Wording) -> Figure:
    """Draw the mean probability against the share of the image deleted, and inserted."""
    figure, axes = new_figure(8.6, 3.9, columns=2, sharey=True)
    for name, (colour, style) in looks(list(curves.methods)).items():
        label, curve = words.name("explanation", name), curves.methods[name]
        for one, values in zip(axes, (curve.deletion, curve.insertion), strict=True):
            one.plot(curves.share, values, color=colour, ls=style, lw=1.5, label=label)
    for one, which in zip(axes, ("deletion", "insertion"), strict=True):
        one.set_title(words(f"explanations.{which}"), loc="left", fontsize=9)
        one.set_xlabel(words(f"explanations.share_{which}"))
        one.set(xlim=(0, 1), ylim=(-0.02, 1.02))
        localise(one, words)
    axes[0].set_ylabel(words("explanations.probability"))
    legend(axes[1], loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure


def forgetting(methods: Mapping[str, Likeness], words: Wording) -> Figure:
    """Draw how alike the heat stays while the network forgets, part by part from the head down."""
    figure, (axes,) = new_figure(8.6, 3.6)
    parts = max((levels.part for levels in methods.values()), key=len)
    for number, (name, look) in enumerate(looks(list(methods)).items()):
        _drawn(axes, parts, methods[name], look, 0.06 * (number - len(methods) / 2), words, name)
    axes.axhline(0, color=MUTED, lw=0.7)
    axes.set_xticks(range(len(parts)), parts)
    axes.set_xlabel(words("explanations.forgotten"))
    axes.set_ylabel(words("explanations.spearman"))
    axes.set_ylim(-0.6, 1.05)
    axes.yaxis.set_major_formatter(lambda value, _: words.number(value, 1))
    legend(axes, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure


def looks(methods: list[str]) -> dict[str, tuple[str, Any]]:
    """Return the colour and the line style of each method; the control is grey."""
    own = [name for name in methods if name != CONTROL]
    found: dict[str, tuple[str, Any]] = {
        name: (COLOURS[n % len(COLOURS)], STYLES[n % len(STYLES)]) for n, name in enumerate(own)
    }
    return found | ({CONTROL: (MUTED, ":")} if CONTROL in methods else {})


def _drawn(
    axes: Axes,
    parts: Sequence[str],
    levels: Likeness,
    look: tuple[str, Any],
    shift: float,
    words: Wording,
    name: str,
) -> None:
    known = [
        (parts.index(part) + shift, estimate.value, estimate.ci)
        for part, estimate in zip(levels.part, levels.spearman, strict=True)
        if part in parts and estimate.value is not None
    ]
    x, y = [place for place, _, _ in known], [value for _, value, _ in known]
    ends = [ci or (value, value) for _, value, ci in known]
    axes.vlines(x, [low for low, _ in ends], [high for _, high in ends], color=look[0], lw=1)
    label = words.name("explanation", name)
    axes.plot(x, y, color=look[0], ls=look[1], lw=1.4, marker="o", ms=3.5, label=label)
