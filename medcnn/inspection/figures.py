"""The figures of an inspection: first filters, and histograms of activations and gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps

from medcnn.inspection.network import Array, Inspection
from medcnn.reporting.figures.style import MUTED, new_figure, to_png

MOST_FILTERS = 64
DECADES = (-8.0, 3.0)


def draw_inspection(found: Inspection) -> dict[str, bytes]:
    """Return PNG files by their names: ``filters``, ``activations`` and ``gradients``."""
    names = [layer.name for layer in found.layers]
    pictures = {
        "activations": _histograms(
            [layer.received for layer in found.layers],
            names,
            "activations that each layer receives, log10 of the absolute value",
            [f"{100 * each.dead / each.channels:.0f}" for each in found.layers],
            "dead channels, %",
        ),
        "gradients": _histograms(
            [layer.gradient for layer in found.layers],
            names,
            "gradients of each layer's weights, log10 of the absolute value",
            ["–" if math.isnan(each.ratio) else f"{each.ratio:.0e}" for each in found.layers],
            "gradient norm / weight norm",
        ),
    }
    if found.filters is not None:
        pictures["filters"] = _filters(found.filters)
    return pictures


def _histograms(
    samples: Sequence[Array], names: Sequence[str], title: str, notes: Sequence[str], label: str
) -> bytes:
    """Draw one histogram a row, the first layer on top; zeros have no logarithm and are left out."""
    rows = len(samples)
    figure, (axes,) = new_figure(7.6, 1.2 + 0.19 * rows)
    edges = np.linspace(*DECADES, 56)
    heat = np.zeros((rows, len(edges) - 1))
    for row, values in enumerate(samples):
        sizes = np.abs(values[values != 0])
        if len(sizes):
            counts, _ = np.histogram(np.log10(sizes).clip(*DECADES), bins=edges)
            heat[row] = counts / max(counts.max(), 1)
    axes.imshow(
        heat,
        aspect="auto",
        cmap="Blues",
        extent=(*DECADES, rows - 0.5, -0.5),
        interpolation="nearest",
    )
    axes.set_yticks(range(rows), names)
    axes.tick_params(axis="y", labelsize=6)
    axes.set_xlabel(title)
    axes.grid(visible=False)
    for row, text in enumerate(notes):
        axes.text(DECADES[1] + 0.15, row, text, va="center", fontsize=6, color=MUTED)
    axes.text(DECADES[1] + 0.15, -0.9, label, va="bottom", fontsize=6, color=MUTED)
    return to_png(figure)


def _filters(weight: Array) -> bytes:
    """Draw the kernels of the first convolution, each in its own grey range, summed over colours."""
    kernels = weight.sum(1)[:MOST_FILTERS]
    columns = min(len(kernels), 16)
    rows = math.ceil(len(kernels) / columns)
    height, width = kernels.shape[1:]
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for index, kernel in enumerate(kernels):
        top, left = index // columns * (height + 1), index % columns * (width + 1)
        reach = np.abs(kernel).max() or 1.0
        sheet[top : top + height, left : left + width] = kernel / reach
    figure, (axes,) = new_figure(7.6, 0.7 + 7.2 * sheet.shape[0] / sheet.shape[1])
    greys = colormaps["gray"].with_extremes(bad=MUTED)  # between kernels, which may be white
    axes.imshow(sheet, cmap=greys, vmin=-1, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.set_title(f"{len(kernels)} filters of the first layer", fontsize=9, loc="left")
    return to_png(figure)
