"""The figures of a search: how it went, each value by itself, and the error surface of each pair."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from medcnn.reporting.figures.style import ABNORMAL, ACCENT, INK, MUTED, legend, new_figure, to_svg
from medcnn.search.space import Parameter, is_number

Array = npt.NDArray[np.float64]


def history(trials: pd.DataFrame, score: str, *, higher: bool) -> Markup:
    """Draw the score of every trial in order, and the best so far.

    Args:
        trials: With ``order``, ``score`` and ``state``.
        score: What it is called.
        higher: Whether a higher score is better.
    """
    figure, (axes,) = new_figure(6.4, 3.0)
    done = trials[trials["state"] == "complete"]
    pruned = trials[(trials["state"] == "pruned") & trials["score"].notna()]
    axes.plot(done["order"], done["score"], "o", color=ACCENT, ms=4, label="finished")
    if len(pruned):
        axes.plot(pruned["order"], pruned["score"], "x", color=MUTED, ms=4, label="stopped early")
    best = done["score"].cummax() if higher else done["score"].cummin()
    axes.step(done["order"], best, where="post", color=ABNORMAL, lw=1.4, label="best so far")
    axes.set(xlabel="trial", ylabel=score.replace("_", " "))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _scale(axes, done["score"])
    legend(axes)
    return to_svg(figure, "history", f"{score} of {len(done)} trials in order")


def slices(trials: pd.DataFrame, space: Sequence[Parameter], score: str) -> Markup:
    """Draw the score against each value by itself."""
    done = trials[trials["state"] == "complete"]
    figure, panels = new_figure(2.6 * len(space) + 0.4, 2.8, len(space), sharey=True)
    for axes, parameter in zip(panels, space, strict=True):
        _axis(axes, "x", parameter, done)
        axes.plot(_places(parameter, done), done["score"], "o", color=ACCENT, ms=4, alpha=0.8)
    panels[0].set_ylabel(score.replace("_", " "))
    _scale(panels[0], done["score"])
    return to_svg(figure, "slices", f"{score} against each value that was searched")


def _scale(axes: Axes, scores: pd.Series) -> None:
    """Take a logarithmic axis for losses that span more than a decade."""
    if len(scores) and scores.min() > 0 and scores.max() > 10 * scores.min():
        _logarithmic(axes, "y", float(scores.min()), float(scores.max()))


def _logarithmic(axes: Axes, which: str, low: float, high: float) -> None:
    """Take a logarithmic axis with at most five ticks, each with its number written out."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    # Powers of ten alone would leave a range of less than two of them without a number.
    subs = (1.0,) if high >= 100 * low else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(subs=subs, numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def surfaces(
    trials: pd.DataFrame, space: Sequence[Parameter], score: str, *, higher: bool
) -> dict[str, Markup]:
    """Return the error surface of each pair of values, by the names of the two."""
    done = trials[trials["state"] == "complete"]
    return {
        f"{first.name} × {second.name}": _surface(done, first, second, score, higher)
        for first, second in combinations(space, 2)
    }


def _surface(
    done: pd.DataFrame, first: Parameter, second: Parameter, score: str, higher: bool
) -> Markup:
    figure, (axes,) = new_figure(5.2, 3.8)
    x, y = _places(first, done), _places(second, done)
    values = done["score"].to_numpy(np.float64)
    # The best are the darkest, whichever direction is better.
    colours = "viridis_r" if higher else "viridis"
    low, high = _shown_range(values, higher)
    if _spans_an_area(x, y, first, second):
        flat_x, flat_y, mean = _without_repeats(x, y, values)
        u, v = (
            np.log10(each) if _is_logarithmic(own, done) else each
            for own, each in ((first, flat_x), (second, flat_y))
        )
        filled = _triangulated(axes, flat_x, flat_y, u, v, mean, colours, (low, high))
    else:
        filled = False
    dots = axes.scatter(
        x, y, c=values, cmap=colours, vmin=low, vmax=high, s=26, edgecolors="white", linewidths=0.7
    )
    if len(values):
        at = int(values.argmax() if higher else values.argmin())
        axes.plot(x[at], y[at], "o", ms=11, mfc="none", mec=ABNORMAL, mew=1.6)
    _axis(axes, "x", first, done)
    _axis(axes, "y", second, done)
    axes.grid(not filled)
    # A filled surface would hold the axes to its edge, and cut the trials there in half.
    axes.use_sticky_edges = False
    bar = figure.colorbar(dots, ax=axes)
    bar.set_label(score.replace("_", " "), color=INK, fontsize=9)
    bar.ax.tick_params(colors=MUTED, labelsize=8)
    bar.outline.set_visible(False)
    name = f"surface_{first.name}_{second.name}".replace(".", "_")
    return to_svg(figure, name, f"{score} over {first.name} and {second.name}; the best is circled")


def _shown_range(values: Array, higher: bool) -> tuple[float, float]:
    """Return the scores that the colours span: the worst tenth, often far off, is one colour."""
    if not len(values):
        return 0.0, 1.0
    low, high = np.quantile(values, [0.1, 1.0] if higher else [0.0, 0.9])
    return float(low), max(float(high), float(low) + 1e-9)


def _triangulated(
    axes: Axes,
    x: Array,
    y: Array,
    u: Array,
    v: Array,
    values: Array,
    colours: str,
    limits: tuple[float, float],
) -> bool:
    """Fill between the trials; triangles are made in the scale in which the values were drawn."""
    from matplotlib.tri import Triangulation
    from scipy.spatial import Delaunay, QhullError

    spread = [np.ptp(each) or 1.0 for each in (u, v)]
    try:
        mesh = Delaunay(np.column_stack([u / spread[0], v / spread[1]])).simplices
    except QhullError:  # all on one line
        return False
    levels = np.linspace(*limits, 12)
    inside = np.clip(values, *limits)
    axes.tricontourf(Triangulation(x, y, mesh), inside, levels, cmap=colours, alpha=0.55)
    return True


def _spans_an_area(x: Array, y: Array, first: Parameter, second: Parameter) -> bool:
    numbers = all(not each.choices or is_number(each.choices) for each in (first, second))
    return numbers and len(np.unique(np.column_stack([x, y]), axis=0)) >= 4


def _without_repeats(x: Array, y: Array, values: Array) -> tuple[Array, Array, Array]:
    """Return each place once with the mean of its values: other parameters differ between them."""
    places, index = np.unique(np.column_stack([x, y]), axis=0, return_inverse=True)
    sums = np.bincount(index.ravel(), weights=values)
    return places[:, 0], places[:, 1], sums / np.bincount(index.ravel())


def _places(parameter: Parameter, trials: pd.DataFrame) -> Array:
    """Return where the trials stand on the axis of a parameter; names stand in their order."""
    column = trials[parameter.name]
    if parameter.choices and not is_number(parameter.choices):
        order = {name: place for place, name in enumerate(parameter.choices)}
        return np.array([order[str(value)] for value in column], dtype=np.float64)
    return np.asarray(column.astype(float), dtype=np.float64)


def _axis(axes: Axes, which: str, parameter: Parameter, trials: pd.DataFrame) -> None:
    set_label = axes.set_xlabel if which == "x" else axes.set_ylabel
    set_label(parameter.name)
    if parameter.choices and not is_number(parameter.choices):
        set_ticks = axes.set_xticks if which == "x" else axes.set_yticks
        set_ticks(range(len(parameter.choices)), list(parameter.choices))
        return
    if _is_logarithmic(parameter, trials):
        values = trials[parameter.name].astype(float)
        _logarithmic(axes, which, float(values.min()), float(values.max()))


def _is_logarithmic(parameter: Parameter, trials: pd.DataFrame) -> bool:
    """Return whether values are spread over decades: a grid keeps the scale of its range."""
    if not parameter.choices:
        return parameter.log
    values = trials[parameter.name].astype(float)
    return bool(len(values)) and bool((values > 0).all()) and values.max() >= 30 * values.min()
