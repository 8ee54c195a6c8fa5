"""A whole image as S×S, to the last bit of what OpenCV's ``resize`` makes of float32 pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def resize(pixels: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    """Return S×S pixels, each the mean of its area; enlarged bilinearly where a side is shorter.

    Every sum runs in float32 in OpenCV's order (INTER_AREA, INTER_LINEAR), so that no grey level
    differs after rounding.
    """
    pixels = np.asarray(pixels, np.float32)
    rows, columns = pixels.shape
    if pixels.shape == (size, size):
        return pixels
    if min(rows, columns) < size:
        return _across(_across(pixels, _linear(columns, size)).T, _linear(rows, size)).T
    if rows % size == 0 and columns % size == 0:
        return _block_means(pixels, rows // size, columns // size)
    return _across(_across(pixels, _areas(columns, size)).T, _areas(rows, size)).T


Taps = list[tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]]
"""For each step of a sum: which source it takes for every target, and with which weight."""


def _across(pixels: npt.NDArray[np.float32], taps: Taps) -> npt.NDArray[np.float32]:
    total = np.zeros((pixels.shape[0], len(taps[0][0])), np.float32)
    for source, weight in taps:
        total += pixels[:, source] * weight
    return total


def _areas(source: int, size: int) -> Taps:
    scale = source / size
    rows: list[list[tuple[int, float]]] = []
    for target in range(size):
        start, end = target * scale, target * scale + scale
        width = min(scale, source - start)
        last = min(int(np.floor(end)), source - 1)
        first = min(int(np.ceil(start)), last)
        taps = [(first - 1, (first - start) / width)] if first - start > 1e-3 else []
        taps += [(at, 1 / width) for at in range(first, last)]
        if end - last > 1e-3:
            taps.append((last, min(end - last, 1.0, width) / width))
        rows.append(taps)
    longest = max(map(len, rows))
    padded = [taps + [(taps[-1][0], 0.0)] * (longest - len(taps)) for taps in rows]
    return [
        (
            np.array([taps[step][0] for taps in padded], np.intp),
            np.array([taps[step][1] for taps in padded], np.float32),
        )
        for step in range(longest)
    ]


def _linear(source: int, size: int) -> Taps:
    place = ((np.arange(size) + 0.5) * (source / size) - 0.5).astype(np.float32)
    left = np.floor(place).astype(np.intp)
    share = (place - left.astype(np.float32)).astype(np.float32)
    share[left < 0] = 0
    share[left >= source - 1] = 0
    left = left.clip(0, source - 1)
    return [(left, np.float32(1) - share), (np.minimum(left + 1, source - 1), share)]


def _block_means(
    pixels: npt.NDArray[np.float32], rows: int, columns: int
) -> npt.NDArray[np.float32]:
    parts = [pixels[r::rows, c::columns] for r in range(rows) for c in range(columns)]
    if (rows, columns) == (2, 2):
        return ((parts[0] + parts[1]) + (parts[2] + parts[3])) * np.float32(0.25)
    total = np.zeros_like(parts[0])
    whole = len(parts) // 4 * 4
    for at in range(0, whole, 4):
        total = total + (((parts[at] + parts[at + 1]) + parts[at + 2]) + parts[at + 3])
    for part in parts[whole:]:
        total = total + part
    return np.asarray(total * np.float32(1 / len(parts)), np.float32)
