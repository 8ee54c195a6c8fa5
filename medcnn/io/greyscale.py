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

from medcnn.io.elements import integer, numbers, text
from medcnn.io.histogram import BLOCK, WIDEST_TABLE, Histogram, count_values
from medcnn.io.lut import Lut, Rescale, Values, Window
from medcnn.io.lut_reading import ignored_lut, modality, moved_lut, rescale
from medcnn.io.notes import Note
from medcnn.io.padding import padding_range
from medcnn.io.photometric import photometric_name
from medcnn.io.raw import attenuation, read_raw
from medcnn.io.voi import choose_voi, placed, stretched


@dataclass(frozen=True)
class GreyScale:
    """Stored values -> [0, 1], air dark and bone bright.

    Attributes:
        to_modality: The modality LUT or rescale.
        to_unit: The VOI LUT, window or stretch, ending in [0, 1].
        is_inverted: Whether [0, 1] is turned round at the end, and only then.
        padding: Least and largest stored value that is padding and becomes 0; None without padding.
        description: What was applied, in words.
        notes: What is not as it should be.
    """

    to_modality: Callable[[Values], Values]
    to_unit: Callable[[Values], Values]
    is_inverted: bool
    padding: tuple[float, float] | None
    description: str
    notes: tuple[Note, ...]

    @property
    def affine(self) -> tuple[float, float] | None:
        """Slope and intercept from stored values to [0, 1] where all but the clipping is affine.

        So that it may follow a reduction; None where it is not.
        """
        if not isinstance(self.to_modality, Rescale) or not isinstance(self.to_unit, Window):
            return None
        low, high = self.to_unit.limits
        if self.to_unit.function == "SIGMOID" or high <= low:
            return None
        slope = self.to_modality.slope / (high - low)
        intercept = (self.to_modality.intercept - low) / (high - low)
        return (-slope, 1 - intercept) if self.is_inverted else (slope, intercept)

    def __call__(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the pixels of stored values of any shape."""
        if stored.dtype.kind in "iu" and stored.size:
            low, high = int(stored.min()), int(stored.max())
            if high - low < min(WIDEST_TABLE, stored.size):
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
    for start in range(0, flat.size, BLOCK):
        pixels[start : start + BLOCK] = function(flat[start : start + BLOCK])
    return pixels.reshape(stored.shape)


def choose_greyscale(dataset: Dataset, stored: npt.NDArray[Any]) -> GreyScale:
    """Return the transformation of a monochrome data set.

    Args:
        dataset: The data set with the LUT modules.
        stored: Its stored values, or a sample of them where an estimate of the percentiles will do.

    Raises:
        ValueError: If the values are not finite.
    """
    padding, padding_notes = padding_range(dataset, stored)
    histogram = count_values(stored, padding)
    signed = bool(histogram.values.min() < 0) or stored.dtype.kind == "i"
    to_modality, modality_notes = _choose_modality(dataset, histogram, is_signed=signed)
    values = to_modality(histogram.values)
    inverted, inversion_notes = _choose_inversion(dataset)
    raw, raw_notes = read_raw(dataset)
    shown: Callable[[Values], Values] = to_modality
    if raw is not None and raw.is_linear:
        bits = integer(dataset, "BitsStored") or 0
        shown, inverted = attenuation(raw, to_modality, values, bits), False
        voi = stretched(histogram, shown(histogram.values))
    else:
        full_range = _full_range(dataset, to_modality, values)
        voi = choose_voi(dataset, histogram, values, full_range)
        inverted = raw.sign > 0 if raw is not None and raw.sign else inverted
    return GreyScale(
        to_modality=shown,
        to_unit=voi.to_unit,
        is_inverted=inverted,
        padding=padding,
        description=voi.description,
        notes=(*padding_notes, *modality_notes, *voi.notes, *inversion_notes, *raw_notes),
    )


def _choose_modality(
    dataset: Dataset, histogram: Histogram, *, is_signed: bool
) -> tuple[Lut | Rescale, tuple[Note, ...]]:
    found, notes = modality(dataset, is_signed=is_signed)
    if not isinstance(found, Lut):
        return found, notes
    lut = placed(found, histogram, histogram.values)
    if lut is found:
        return found, notes
    if lut is not None:
        return lut, (*notes, moved_lut("ModalityLUTSequence", lut))
    scale, more = rescale(dataset)
    said = ignored_lut("ModalityLUTSequence", "holds none of the stored values")
    return scale, (*notes, said, *more)


def _full_range(dataset: Dataset, to_modality: Lut | Rescale, values: Values) -> float:
    """Return how many values there can be behind the modality LUT, by the bits and by the values."""
    seen = float(values.max() - values.min())
    if isinstance(to_modality, Lut):
        return max(seen, to_modality.top)
    bits = (numbers(dataset, "BitsStored") or [16.0])[0]
    declared = 2.0 ** min(bits, 32) * abs(to_modality.slope) if np.isfinite(bits) else 0.0
    return max(seen, declared)


def _choose_inversion(dataset: Dataset) -> tuple[bool, tuple[Note, ...]]:
    """Return whether to invert: once, as INVERSE and MONOCHROME1 say the same (C.8.11.3.1.2)."""
    is_mono1 = photometric_name(text(dataset, "PhotometricInterpretation")) == "MONOCHROME1"
    shape = text(dataset, "PresentationLUTShape").upper()
    notes = []
    if "PresentationLUTSequence" in dataset:
        said = "Presentation LUT Sequence in an image: it is ignored"
        notes.append(Note("presentation_lut", said))
    if is_mono1 and shape == "IDENTITY":
        said = "MONOCHROME1 with Presentation LUT Shape IDENTITY: inverted once"
        notes.append(Note("presentation_lut", said))
    elif not is_mono1 and shape == "INVERSE":
        said = "MONOCHROME2 with Presentation LUT Shape INVERSE: inverted once"
        notes.append(Note("presentation_lut", said))
    elif shape not in ("", "IDENTITY", "INVERSE"):
        said = "unknown Presentation LUT Shape: it is ignored"
        notes.append(Note("presentation_lut", said))
    return is_mono1 or shape == "INVERSE", tuple(notes)
