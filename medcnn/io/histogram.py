"""Which stored values an image has, and how many of each: all that a grey scale is chosen by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from medcnn.io.lut import Values

WIDEST_TABLE = 1 << 20
BLOCK = 1 << 18
_MOST_SORTED = 1 << 24


@dataclass(frozen=True)
class Histogram:
    """The distinct stored values, ascending, and how many pixels have each; padding left out."""

    values: Values
    counts: npt.NDArray[np.int64]

    def percentile(self, values: Values, percent: float) -> float:
        """Return the inverted empirical distribution of ``values``, one a distinct value."""
        order = np.argsort(values, kind="stable")
        cumulative = np.cumsum(self.counts[order])
        index = int(np.searchsorted(cumulative, percent / 100 * cumulative[-1]))
        return float(values[order][min(index, len(order) - 1)])

    def share(self, inside: npt.NDArray[np.bool_]) -> float:
        """Return the share of pixels whose distinct value is marked."""
        return float(self.counts[inside].sum() / self.counts.sum())


def count_values(stored: npt.NDArray[Any], padding: tuple[float, float] | None) -> Histogram:
    """Return the distinct values and their counts, without padding unless nothing else is there.

    Values that span more than 2**20 integers, and floating-point ones, are counted in every n-th
    pixel of images above 16 megapixels, which keeps the memory for sorting them bounded.

    Raises:
        ValueError: If a value is not finite.
    """
    flat = stored.ravel()
    low, high = flat.min(), flat.max()
    if flat.dtype.kind in "iu" and int(high) - int(low) < WIDEST_TABLE:
        every = np.zeros(int(high) - int(low) + 1, np.int64)
        for start in range(0, flat.size, BLOCK):
            block = flat[start : start + BLOCK].astype(np.intp)
            every += np.bincount(np.subtract(block, int(low), out=block), minlength=len(every))
        found = np.flatnonzero(every)
        values, counts = found + int(low), every[found]
    else:
        every_nth = -(-flat.size // _MOST_SORTED)
        values, counts = np.unique(flat[::every_nth], return_counts=True)
    distinct: Values = values.astype(np.float64)
    if not np.isfinite(distinct).all():
        raise ValueError("pixel values that are not finite")
    if padding is not None:
        kept = (distinct < padding[0]) | (distinct > padding[1])
        if kept.any():
            distinct, counts = distinct[kept], counts[kept]
    return Histogram(distinct, counts)
