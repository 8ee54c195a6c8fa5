"""Area reduction to a square, on stored integers where that is allowed.

The whole image becomes ``size``×``size``: its two axes shrink by their own factors, as is usual for
chest X-ray classifiers. Spacing is therefore anisotropic afterwards.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

_SUBSET = 256
_HALVED_BY_OPENCV = (np.uint8, np.uint16, np.int16, np.float32)


def subset(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a regular subset of at most about 512×512 pixels, for percentiles and shares."""
    rows, columns = (max(side // _SUBSET, 1) for side in values.shape)
    return values[::rows, ::columns]


def resize_area(pixels: npt.NDArray[Any], size: int) -> npt.NDArray[np.float32]:
    """Return the image as ``size``×``size`` float32, every source pixel weighted by its area."""
    return _interpolate(pixels.astype(np.float32, copy=False), size)


def resize_area_stepwise(stored: npt.NDArray[Any], size: int) -> npt.NDArray[np.float32]:
    """Return ``stored`` as ``size``×``size`` float32 in stored units, five times as fast.

    While both sides are at least twice ``size``, 2×2 means are taken in the stored integer type,
    which OpenCV does with vector instructions; the rest is one area interpolation in float32. Each
    halving rounds to the nearest integer (an error of at most 0.5 stored units each), and an odd
    side loses one row or column, alternately at the end and the beginning, which moves the content
    by at most one source pixel of that step. Where the factor is no power of two, a pixel on the
    border between two results counts in both with the mean of its block.
    """
    if stored.dtype not in _HALVED_BY_OPENCV:
        return resize_area(stored, size)
    current, step = stored, 0
    while min(current.shape) >= 2 * size:
        rows, columns = (side // 2 * 2 for side in current.shape)
        top = (current.shape[0] - rows) * (step % 2)
        left = (current.shape[1] - columns) * (step % 2)
        even = current[top : top + rows, left : left + columns]
        current = cv2.resize(even, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
        step += 1
    return resize_area(current, size)


def to_uint8(
    pixels: npt.NDArray[np.float32], slope: float = 1.0, intercept: float = 0.0
) -> npt.NDArray[np.uint8]:
    """Return ``slope * pixels + intercept``, clipped to [0, 1], as 0 to 255, to the nearest."""
    levels = cv2.addWeighted(pixels, 255 * slope, pixels, 0, 255 * intercept, dtype=cv2.CV_8U)
    return np.asarray(levels, np.uint8)


def _interpolate(pixels: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    smaller = min(pixels.shape) >= size
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (size, size), interpolation=how), np.float32)
