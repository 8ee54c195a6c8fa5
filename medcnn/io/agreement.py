"""Stored values held against what is declared of them: High Bit, Bits Stored, Pixel Representation.

Values that cannot be what is declared are taken as they are. Overlays in unused bits, signs that are
not extended, and images that only look odd, are told from them by what neighbours and the histogram
say; where they say nothing, the declaration stands.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from medcnn.io.notes import Note
from medcnn.io.pixel_module import PixelModule

_ROWS = 64
"""Rows that are enough to see what neighbours and the histogram say."""
_LEAST_PIXELS = 1024
_LEAST_GAP = 1 / 8
_LEAST_DISTINCT = 32
_LEAST_SHARE = 0.01

Stored = npt.NDArray[Any]


def agreed(
    values: Stored, module: PixelModule, dataset: Dataset, *, is_native: bool
) -> tuple[Stored, tuple[Note, ...]]:
    """Return the values as they are meant, and what contradicts the declaration.

    Args:
        values: H×W integers as they lie in the file, with the declared sign.
        module: What is declared.
        dataset: The data set, for its overlays.
        is_native: Whether unused bits may hold something else than the values, as uncompressed
            pixels' may.
    """
    if values.dtype.kind not in "iu" or module.allocated == 1:
        return values, ()
    notes: list[Note] = []
    bits = module.stored
    if is_native:
        values = _shifted(values, module, notes)
        values, bits = _without_unused_bits(values, module, dataset, notes)
    values = _signed(values, bits, module, notes)
    return values, tuple(notes)


def _shifted(values: Stored, module: PixelModule, notes: list[Note]) -> Stored:
    """Return values without the bits below the stored ones, unless those hold the values."""
    if not module.low_bits:
        return values
    if values.min() >= 0 and int(values.max()) >> module.stored == 0:
        text = f"High Bit {module.high} contradicts the values, which use the lower bits"
        notes.append(Note("bits", text))
        return values
    text = f"High Bit {module.high}: the bits below the lowest are left out"
    notes.append(Note("bits", text))
    return np.asarray(values >> module.low_bits)


def _without_unused_bits(
    values: Stored, module: PixelModule, dataset: Dataset, notes: list[Note]
) -> tuple[Stored, int]:
    """Return values whose unused high bits say nothing, and how many bits they have.

    Copied only where those bits said something (PS3.5 8.1.1).
    """
    unused = 8 * values.dtype.itemsize - module.stored
    limits = np.iinfo(values.dtype)
    below = limits.min < 0 and values.min() < limits.min >> unused
    if unused <= 0 or not (below or values.max() > limits.max >> unused):
        return values, module.stored
    cleared = np.asarray((values << unused) >> unused)
    if _is_continued(values, cleared, module, dataset):
        used = max(int(values.max()).bit_length(), int(~values.min()).bit_length() if below else 0)
        used += int(limits.min < 0)
        text = f"Bits Stored {module.stored} contradicts values of {used} bits: all are taken"
        notes.append(Note("bits", text))
        return values, 8 * values.dtype.itemsize
    return cleared, module.stored


def _is_continued(values: Stored, cleared: Stored, module: PixelModule, dataset: Dataset) -> bool:
    """Return whether the unused bits continue the values, rather than hold an overlay or a sign.

    Where neighbours differ in those bits, clearing them tears apart what hangs together.
    """
    is_signed = values.dtype.kind == "i"
    if is_signed and values.min() >= 0 and int(values.max()) >> module.stored == 0:
        return False  # the sign is not extended, or is none
    if _has_overlay(dataset):
        return False
    pairs = ((values, cleared), (values.T, cleared.T))
    torn = np.concatenate([_torn(*pair, module.stored) for pair in pairs])
    return bool(len(torn) and np.median(torn) > 2**module.stored / 8)


def _torn(values: Stored, cleared: Stored, bits: int) -> npt.NDArray[np.int64]:
    """Return how far clearing moves neighbours apart that differ in the upper bits.

    None do where those bits do not join the values, as those of an overlay further up.
    """
    every = max(len(values) // _ROWS, 1)
    whole, low = values[::every].astype(np.int64), cleared[::every].astype(np.int64)
    upper = (whole - low) >> bits
    if values.dtype.kind == "u" and not int(np.bitwise_or.reduce(upper, axis=None)) & 1:
        return np.zeros(0, np.int64)
    return np.asarray(np.abs(np.diff(low, axis=1))[np.diff(upper, axis=1) != 0])


def _has_overlay(dataset: Dataset) -> bool:
    """Return whether an overlay may lie in unused bits of the pixels (retired; PS3.5 8.1.2)."""
    groups = range(0x6000, 0x601F, 2)
    has_position = any(dataset.get((group, 0x0102)) is not None for group in groups)
    return has_position and "OverlayData" not in dataset


def _signed(values: Stored, bits: int, module: PixelModule, notes: list[Note]) -> Stored:
    """Return values with the other sign where the declared one cuts through what they are."""
    if bits > 16 or values.size < _LEAST_PIXELS or values.dtype.itemsize > 2:
        return values
    is_signed = values.dtype.kind == "i"
    if not _is_cut(values, bits, is_signed=is_signed):
        return values
    itemsize = values.dtype.itemsize
    unused = 8 * itemsize - bits
    if is_signed:
        turned = values.view(f"u{itemsize}") & np.array(2**bits - 1, f"u{itemsize}")
    else:
        turned = (values << unused).view(f"i{itemsize}") >> unused
    named = "have none" if is_signed else "have one"
    text = f"Pixel Representation {module.representation} contradicts the values, which {named}: a sign"
    notes.append(Note("sign", text))
    return np.asarray(turned)


def _is_cut(values: Stored, bits: int, *, is_signed: bool) -> bool:
    """Return whether the declared sign cuts through the values, and the other one does not.

    All values of some bits lie on a circle. One interpretation cuts it at 0, the other opposite.
    A cut belongs where no value is; if many lie on both sides of the declared one, and none around
    the other, and neighbours cross the declared one in small steps, the other is meant.
    """
    every = max(len(values) // _ROWS, 1)
    rows = values[::every]
    if not _spans(rows, bits, is_signed=is_signed):
        return False
    full, half = 2**bits, 2 ** (bits - 1)
    # In the order of the other interpretation, in which the declared cut is in the middle.
    place = (rows.astype(np.int32) + (0 if is_signed else half)) & (full - 1)
    counts = np.bincount(place.ravel(), minlength=full)
    occupied = np.flatnonzero(counts)
    gap = occupied[0] + full - 1 - occupied[-1]
    lower, upper = counts[:half], counts[half:]
    if gap < _LEAST_GAP * full:
        return False
    if min(np.count_nonzero(lower), np.count_nonzero(upper)) < _LEAST_DISTINCT:
        return False
    if min(lower.sum(), upper.sum()) < _LEAST_SHARE * place.size:
        return False
    steps = np.abs(np.diff(place, axis=1))
    crosses = np.diff(place >= half, axis=1)
    return bool(crosses.any() and np.median(steps[crosses]) <= 8 * (np.median(steps) + 1))


def _spans(rows: Stored, bits: int, *, is_signed: bool) -> bool:
    """Return whether values reach both ends of the declared range, as cut ones do."""
    low, high = int(rows.min()), int(rows.max())
    quarter = 2**bits // 4
    if is_signed:
        return bool(low < -quarter and high > quarter)
    return bool(low < quarter and high > 3 * quarter)
