"""Pictures side by side, each with its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from medcnn.reporting.figures.style import INK

SIDE = 1.7
"""Inches of one picture."""


def picture_grid(
    pictures: Sequence[tuple[str, npt.NDArray[np.unsignedinteger[Any]]]], columns: int = 6
) -> Figure:
    """Return a figure of grey images in rows, all on the one scale of their integer type.

    Args:
        pictures: Name and H×W image of each.
        columns: Pictures in a row.
    """
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(columns * SIDE, rows * (SIDE + 0.25)), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for place in axes:
        place.set_axis_off()
    for place, (name, image) in zip(axes, pictures, strict=False):
        peak = int(np.iinfo(image.dtype).max)
        place.imshow(image, cmap="gray", vmin=0, vmax=peak, interpolation="nearest")
        place.set_title(name, fontsize=8, color=INK)
    return figure
