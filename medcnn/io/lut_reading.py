"""Modality LUT, rescale, VOI LUTs and windows of a data set, and what is wrong with each.

What cannot be used is left out with a note that names the element, as pydicom's ``apply_voi_lut`` and
dcmtk do; what a table holds is taken before what its descriptor says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from medcnn.io.bounded import TooManyReads
from medcnn.io.elements import items, numbers, text
from medcnn.io.lut import FUNCTIONS, Lut, Rescale, Values, Window
from medcnn.io.notes import Note

_KINDS = {"ModalityLUTSequence": "modality_lut", "VOILUTSequence": "voi_lut"}
_NAMES = {"ModalityLUTSequence": "Modality LUT Sequence", "VOILUTSequence": "VOI LUT Sequence"}
_LARGEST = 1e12
"""No rescaled value of a radiograph comes near it, and sums of squares stay finite."""


@dataclass(frozen=True)
class FoundLut:
    """A LUT, or why there is none, and what is wrong with its descriptor."""

    lut: Lut | None
    note: Note | None = None


def modality(dataset: Dataset, *, is_signed: bool) -> tuple[Lut | Rescale, tuple[Note, ...]]:
    """Return the modality LUT, or the rescale where there is none that can be used."""
    notes = []
    for found in luts(dataset, "ModalityLUTSequence", is_signed=is_signed):
        if found.note:
            notes.append(found.note)
        if found.lut:
            return found.lut, tuple(notes)
    scale, of_rescale = rescale(dataset)
    return scale, (*notes, *of_rescale)


def rescale(dataset: Dataset) -> tuple[Rescale, tuple[Note, ...]]:
    """Return the rescale with 1 and 0 for what is absent or not usable, and notes of the latter."""
    slope = (numbers(dataset, "RescaleSlope") or [1.0])[0]
    intercept = (numbers(dataset, "RescaleIntercept") or [0.0])[0]
    notes = []
    if slope == 0 or not abs(slope) <= _LARGEST:
        notes.append(Note("rescale", f"Rescale Slope {slope:g} is not usable: 1 is taken"))
        slope = 1.0
    if not abs(intercept) <= _LARGEST:
        said = f"Rescale Intercept {intercept:g} is not usable: 0 is taken"
        notes.append(Note("rescale", said))
        intercept = 0.0
    return Rescale(slope, intercept), tuple(notes)


def luts(dataset: Dataset, keyword: str, *, is_signed: bool) -> Iterator[FoundLut]:
    """Yield every LUT of a sequence, and a note in the place of each that cannot be used.

    Args:
        dataset: The data set.
        keyword: ``ModalityLUTSequence`` or ``VOILUTSequence``.
        is_signed: Whether the inputs of the LUT can be negative, so that its first input value has
            a sign too (PS3.3 C.11.2.1.1).
    """
    if keyword not in dataset:
        return
    is_empty = True
    try:
        for item in items(dataset, keyword):
            is_empty = False
            yield _found(item, dataset, keyword, is_signed=is_signed)
    except TooManyReads:
        raise
    except ValueError as error:
        yield FoundLut(None, ignored_lut(keyword, f"holds {error}"))
        return
    if is_empty:
        yield FoundLut(None, ignored_lut(keyword, "has no item"))


def _found(item: Dataset, dataset: Dataset, keyword: str, *, is_signed: bool) -> FoundLut:
    try:
        spans = keyword == "VOILUTSequence"
        lut, wrong = read_lut(item, dataset, is_signed=is_signed, spans=spans)
    except ValueError as error:
        return FoundLut(None, ignored_lut(keyword, str(error)))
    said = f"{_NAMES[keyword]}: {wrong}" if wrong else ""
    return FoundLut(lut, Note(_KINDS[keyword], said) if said else None)


def ignored_lut(keyword: str, problem: str) -> Note:
    """Return the note of a LUT that is absent, cannot be read, or shows nothing."""
    return Note(_KINDS[keyword], f"{_NAMES[keyword]} {problem}: it is ignored")


def moved_lut(keyword: str, lut: Lut) -> Note:
    """Return the note of a LUT whose first input value had to be moved."""
    said = f"its first input value has the wrong sign: {lut.first} is taken"
    return Note(_KINDS[keyword], f"{_NAMES[keyword]}: {said}")


def windows(dataset: Dataset) -> tuple[list[Window], tuple[Note, ...]]:
    """Return every window in its order; an unknown function counts as LINEAR, the default."""
    centers, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    named = text(dataset, "VOILUTFunction").upper().replace(" ", "_") or "LINEAR"
    function = named if named in FUNCTIONS else "LINEAR"
    notes = []
    if named not in FUNCTIONS:
        notes.append(Note("window", "unknown VOI LUT Function: LINEAR is taken"))
    if bool(centers) != bool(widths):
        lacking, there = ("Width", "Center") if centers else ("Center", "Width")
        notes.append(Note("window", f"Window {there} without Window {lacking}: it is ignored"))
    found = [Window(c, w, function) for c, w in zip(centers, widths, strict=False)]
    return found, tuple(notes) if found or bool(centers) != bool(widths) else ()


def read_lut(
    item: Dataset, dataset: Dataset, *, is_signed: bool, spans: bool = True
) -> tuple[Lut, str]:
    """Return the LUT of a sequence item, and in words what its descriptor has wrong.

    Args:
        item: The item.
        dataset: The data set around it, for its byte order.
        is_signed: Whether the inputs of the LUT have a sign.
        spans: Whether outputs span the bits, as those of a VOI LUT do. Then they span what the
            entries use: 12 bits under a descriptor of 16 would end at 6% of the brightness
            (dcm4che's ``adjustVOILUTDescriptor``).

    Raises:
        ValueError: If the descriptor or the data are missing or of impossible size.
    """
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3 or not np.isfinite(descriptor).all():
        raise ValueError("has no LUT Descriptor of three values")
    count, first, bits = (int(number) for number in descriptor)
    count = count % 65536 or 65536
    if is_signed and first > 32767:
        first -= 65536
    if not 1 <= bits <= 16:
        raise ValueError(f"has a LUT Descriptor of {bits} bits")
    entries = _entries(item, count, bits, dataset)
    if not len(entries) or entries.max() == 0:
        raise ValueError("has no LUT Data" if not len(entries) else "has LUT Data of zeros alone")
    used = int(entries.max()).bit_length()
    wrong = []
    if len(entries) != count:
        wrong.append(f"{count} entries declared, {len(entries)} held")
    if used > bits or (spans and used < bits):
        wrong.append(f"{bits} bits declared, {used} used")
    taken = ": what the table holds is taken" if wrong else ""
    return Lut(entries, first, used if spans else max(used, bits)), ", ".join(wrong) + taken


def _entries(item: Dataset, count: int, bits: int, dataset: Dataset) -> Values:
    try:
        data = item.get("LUTData")
    except (TypeError, ValueError, AttributeError, NotImplementedError, LookupError) as error:
        raise ValueError("has LUT Data that cannot be read") from error
    if isinstance(data, bytes):
        return _of_bytes(data, count, bits, dataset)
    if data is None:
        raise ValueError("has no LUT Data")
    several = data if isinstance(data, MultiValue | list | tuple) else [data]
    try:
        values = np.asarray(several, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError("has LUT Data that are no numbers") from error
    if not np.isfinite(values).all() or values.ndim != 1:
        raise ValueError("has LUT Data that are no numbers")
    words = (values.astype(np.int64) & 0xFFFF).astype("<u2")
    if bits <= 8 and len(words) < count <= 2 * len(words):
        # Bytes, two a word, under the VR of words.
        return words.view(np.uint8)[:count].astype(np.float64)
    return np.asarray(words.astype(np.float64))


def _of_bytes(data: bytes, count: int, bits: int, dataset: Dataset) -> Values:
    """Return the entries of bytes, which are one or two bytes each: only their number tells."""
    order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
    words = np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2").astype(np.float64)
    single = np.frombuffer(data[:count], "u1").astype(np.float64)
    if len(data) - len(data) % 2 == count + count % 2:
        # Half of the words, or all of the bytes: a table rises or falls, it does not jump.
        return single if bits <= 8 or _roughness(single) < _roughness(words) else words
    return single if bits <= 8 and len(data) < 2 * count else words


def _roughness(entries: Values) -> float:
    return float(np.abs(np.diff(entries)).sum() / max(float(np.ptp(entries)), 1.0))
