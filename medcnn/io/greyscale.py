"""Which grey-scale transformation an image gets, and the transformation itself.

The standard's own where it is usable; a robust percentile stretch where there is none or an absurd
one. Choosing needs only which stored values occur and how often.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from medcnn.io.lut import (
    Lut,
    Rescale,
    Values,
    Window,
    modality,
    numbers,
    rescale,
    voi_lut,
    windows,
)
from medcnn.io.notes import Note

PERCENTILES = (0.5, 99.5)
"""The stretch of images without a usable window, in percent of the pixels that are not padding."""

MIN_INSIDE = 0.01
"""A window that leaves fewer of the pixels unclipped shows next to nothing, and is not used."""

_WIDEST_TABLE = 1 << 20
_BLOCK = 1 << 18
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


@dataclass(frozen=True)
class GreyScale:
    """Stored values -> [0, 1], air dark and bone bright.

    Attributes:
        to_modality: The modality LUT or rescale.
        to_unit: The VOI LUT, window or stretch, ending in [0, 1].
        is_inverted: Whether [0, 1] is turned round at the end, and only then.
        padding: Least and largest stored value that is padding and becomes 0; None without padding.
        affine: Slope and intercept from stored values to [0, 1] where all but the clipping is
            affine, so that it may follow a reduction; None where it is not.
        description: What was applied, in words.
        notes: What is not as it should be.
    """

    to_modality: Callable[[Values], Values]
    to_unit: Callable[[Values], Values]
    is_inverted: bool
    padding: tuple[float, float] | None
    affine: tuple[float, float] | None
    description: str
    notes: tuple[Note, ...]

    def __call__(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the pixels of stored values of any shape."""
        if stored.dtype.kind in "iu" and stored.size:
            low, high = int(stored.min()), int(stored.max())
            if high - low < min(_WIDEST_TABLE, stored.size):
                table = self._apply(np.arange(low, high + 1, dtype=np.float64))
                return _by_blocks(lambda block: table[block.astype(np.intp) - low], stored)
        return _by_blocks(lambda block: self._apply(block.astype(np.float64)), stored)

    def _apply(self, stored: Values) -> npt.NDArray[np.float32]:
        unit = self.to_unit(self.to_modality(stored))
        if self.is_inverted:
            unit = 1 - unit
        if self.padding is not None:
            low, high = self.padding
            unit = np.where((stored >= low) & (stored <= high), 0.0, unit)
        return unit.astype(np.float32)


def _by_blocks(
    function: Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]], stored: npt.NDArray[Any]
) -> npt.NDArray[np.float32]:
    """Return ``function`` of the values; no more than one block is ever held in eight bytes each."""
    flat = stored.ravel()
    pixels = np.empty(flat.shape, np.float32)
    for start in range(0, flat.size, _BLOCK):
        pixels[start : start + _BLOCK] = function(flat[start : start + _BLOCK])
    return pixels.reshape(stored.shape)


def choose_greyscale(dataset: Dataset, stored: npt.NDArray[Any]) -> GreyScale:
    """Return the transformation of a monochrome data set.

    Args:
        dataset: The data set with the LUT modules.
        stored: Its stored values, or a sample of them where an estimate of the percentiles will do.

    Raises:
        ValueError: If a LUT sequence cannot be read or the values are not finite.
    """
    padding = padding_range(dataset)
    histogram = count_values(stored, padding)
    to_modality = modality(dataset)
    values = to_modality(histogram.values)
    notes = rescale(dataset)[1] if isinstance(to_modality, Rescale) else ()
    to_unit, description, voi_notes = _choose_voi(dataset, histogram, values)
    inverted, inversion_notes = _choose_inversion(dataset)
    return GreyScale(
        to_modality=to_modality,
        to_unit=to_unit,
        is_inverted=inverted,
        padding=padding,
        affine=_affine(to_modality, to_unit, is_inverted=inverted),
        description=description,
        notes=(*notes, *voi_notes, *inversion_notes),
    )


def _affine(
    to_modality: Callable[[Values], Values],
    to_unit: Callable[[Values], Values],
    *,
    is_inverted: bool,
) -> tuple[float, float] | None:
    if not isinstance(to_modality, Rescale) or not isinstance(to_unit, Window):
        return None
    low, high = to_unit.limits
    if to_unit.function == "SIGMOID" or high <= low:
        return None
    slope = to_modality.slope / (high - low)
    intercept = (to_modality.intercept - low) / (high - low)
    return (-slope, 1 - intercept) if is_inverted else (slope, intercept)


def padding_range(dataset: Dataset) -> tuple[float, float] | None:
    """Return the range of Pixel Padding Value and Range Limit (PS3.3 C.7.5.1.1.2), or None."""
    value = numbers(dataset, "PixelPaddingValue")
    if not value:
        return None
    limit = numbers(dataset, "PixelPaddingRangeLimit") or value
    return min(value[0], limit[0]), max(value[0], limit[0])


def count_values(stored: npt.NDArray[Any], padding: tuple[float, float] | None) -> Histogram:
    """Return the distinct values and their counts, without padding unless nothing else is there.

    Values that span more than 2**20 integers, and floating-point ones, are counted in every n-th
    pixel of images above 16 megapixels, which keeps the memory for sorting them bounded.

    Raises:
        ValueError: If a value is not finite.
    """
    flat = stored.ravel()
    low, high = flat.min(), flat.max()
    if flat.dtype.kind in "iu" and int(high) - int(low) < _WIDEST_TABLE:
        every = np.zeros(int(high) - int(low) + 1, np.int64)
        for start in range(0, flat.size, _BLOCK):
            block = flat[start : start + _BLOCK].astype(np.intp)
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


def _choose_voi(
    dataset: Dataset, histogram: Histogram, values: Values
) -> tuple[Callable[[Values], Values], str, tuple[Note, ...]]:
    lut = voi_lut(dataset, is_signed=bool(values.min() < 0))
    if lut is not None:
        return _unit_lut(lut), f"VOI LUT sequence, {len(lut.entries)} entries", ()
    candidates = windows(dataset)
    if not candidates:
        window, text = _stretch(histogram, values)
        return window, text, ()
    window = candidates[0]
    text = f"{window.function} window, centre {window.center:g}, width {window.width:g}"
    if len(candidates) > 1:
        text += f" (first of {len(candidates)})"
    complaint = _complain(window, histogram, values)
    notes = _function_notes(dataset)
    if not complaint:
        return window, text, notes
    stretch, instead = _stretch(histogram, values)
    return stretch, instead, (*notes, Note("window", f"{text}: {complaint}; {instead} instead"))


def _function_notes(dataset: Dataset) -> tuple[Note, ...]:
    named = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    if named in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        return ()
    return (Note("window", "unknown VOI LUT Function: LINEAR is taken"),)


def _complain(window: Window, histogram: Histogram, values: Values) -> str:
    if not window.is_valid:
        return "not defined"
    low, high = window.limits
    inside = (values > low) & (values < high)
    varied = len(values) > 2
    if varied and window.function != "SIGMOID" and histogram.share(inside) < MIN_INSIDE:
        return f"clips more than {1 - MIN_INSIDE:.0%} of the pixels"
    return ""


def _stretch(histogram: Histogram, values: Values) -> tuple[Window, str]:
    low, high = (histogram.percentile(values, percent) for percent in PERCENTILES)
    if high <= low:
        low, high = float(values.min()), float(values.max())
    text = f"percentiles {PERCENTILES[0]:g} to {PERCENTILES[1]:g}: {low:g} to {high:g}"
    # A constant image has no contrast to stretch: it becomes black.
    width = high - low if high > low else 1.0
    return Window(low + width / 2, width, "LINEAR_EXACT"), text


def _unit_lut(lut: Lut) -> Callable[[Values], Values]:
    def to_unit(values: Values) -> Values:
        return lut(values) / lut.top

    return to_unit


def _choose_inversion(dataset: Dataset) -> tuple[bool, tuple[Note, ...]]:
    """Return whether to invert: once, as INVERSE and MONOCHROME1 say the same (C.8.11.3.1.2)."""
    is_mono1 = dataset.PhotometricInterpretation == "MONOCHROME1"
    shape = str(dataset.get("PresentationLUTShape") or "").strip().upper()
    if is_mono1 and shape == "IDENTITY":
        text = "MONOCHROME1 with Presentation LUT Shape IDENTITY: inverted once"
        return True, (Note("presentation_lut", text),)
    if not is_mono1 and shape == "INVERSE":
        text = "MONOCHROME2 with Presentation LUT Shape INVERSE: inverted once"
        return True, (Note("presentation_lut", text),)
    return is_mono1, ()
