"""Pixel Padding Value and its range, in the sign that the pixels have."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from medcnn.io.elements import numbers
from medcnn.io.notes import Note
from medcnn.io.reduction import subset

_MOST_PADDING = 0.98


def padding_range(
    dataset: Dataset, stored: npt.NDArray[Any]
) -> tuple[tuple[float, float] | None, tuple[Note, ...]]:
    """Return the range of Pixel Padding Value and Range Limit (PS3.3 C.7.5.1.1.2), or None.

    Either may be given with the other sign than the pixels have; a range that is nearly all of the
    pixels is none.
    """
    declared = numbers(dataset, "PixelPaddingValue")[:1]
    if not declared or stored.dtype.kind not in "iu" or not np.isfinite(declared).all():
        return None, ()
    limit = numbers(dataset, "PixelPaddingRangeLimit")[:1]
    ends = [*declared, *(limit if np.isfinite(limit).all() else ())]
    meant = [_of_sign(end, dataset, stored) for end in ends]
    notes = []
    if meant != ends:
        said = f"Pixel Padding Value has another sign than the pixels: {meant[0]:g} is taken"
        notes.append(Note("padding", said))
    low, high = min(meant), max(meant)
    if low < high and _covers(stored, low, high):
        said = "Pixel Padding Range Limit covers nearly all of the pixels: only the value is taken"
        notes.append(Note("padding", said))
        low = high = meant[0]
    return (low, high), tuple(notes)


def _of_sign(end: float, dataset: Dataset, stored: npt.NDArray[Any]) -> float:
    """Return an end of the padding as the pixels can hold it."""
    low, high = _limits(dataset, stored)
    if low <= end <= high:
        return end
    moved = (end + step for bits in (16, 32) for step in (-(2.0**bits), 2.0**bits))
    return next((value for value in moved if low <= value <= high), end)


def _limits(dataset: Dataset, stored: npt.NDArray[Any]) -> tuple[float, float]:
    bits = (numbers(dataset, "BitsAllocated") or [16.0])[0]
    bits = 8 * stored.dtype.itemsize if not np.isfinite(bits) else min(bits, 64)
    if stored.dtype.kind == "i":
        return -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1
    return 0.0, 2.0**bits - 1


def _covers(stored: npt.NDArray[Any], low: float, high: float) -> bool:
    sample = subset(stored)
    return bool(((sample >= low) & (sample <= high)).mean() > _MOST_PADDING)
