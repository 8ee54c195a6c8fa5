"""The grey-scale pipeline of DICOM as pure functions (PS3.4 N.2.1).

Stored values -> modality LUT -> VOI LUT or window -> presentation LUT shape or MONOCHROME1
inversion -> [0, 1]. Values are float64 on the way, since slopes and centres are decimal strings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from medcnn.io.dicom_file import first_item
from medcnn.io.notes import Note

Values = npt.NDArray[np.float64]

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True)
class Lut:
    """One LUT item (PS3.3 C.11.1.1.1).

    Attributes:
        entries: Output values in order.
        first: The input value that maps to the first entry.
        bits: Bits of an entry, so that outputs span [0, 2**bits - 1].
    """

    entries: Values
    first: int
    bits: int

    @property
    def top(self) -> float:
        """The largest output that the LUT can mean."""
        return max(float(2**self.bits - 1), float(self.entries.max()))

    def __call__(self, values: Values) -> Values:
        """Return the entry of each value; inputs outside of the table take its first or last."""
        last = len(self.entries) - 1
        index = np.clip(np.rint(values) - self.first, 0, last).astype(np.intp)
        return np.asarray(self.entries[index])


@dataclass(frozen=True)
class Window:
    """A window of the VOI LUT module (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""

    center: float
    width: float
    function: str = "LINEAR"

    @property
    def is_valid(self) -> bool:
        """Whether the standard defines an output for this centre and width."""
        least = 1.0 if self.function == "LINEAR" else np.finfo(float).tiny
        return bool(np.isfinite(self.center) and np.isfinite(self.width) and self.width >= least)

    @property
    def limits(self) -> tuple[float, float]:
        """The values that map to 0 and 1 (where a sigmoid's tangent does)."""
        linear = self.function == "LINEAR"
        center = self.center - 0.5 if linear else self.center
        half = (self.width - 1 if linear else self.width) / 2
        return center - half, center + half

    def __call__(self, values: Values) -> Values:
        """Return the windowed values in [0, 1]."""
        if self.function == "SIGMOID":
            exponent = np.clip(-4 * (values - self.center) / self.width, -700, 700)
            return np.asarray(1 / (1 + np.exp(exponent)))
        low, high = self.limits
        if high <= low:
            return (values > low).astype(np.float64)
        return np.clip((values - low) / (high - low), 0, 1)


@dataclass(frozen=True)
class Rescale:
    """Rescale slope and intercept (PS3.3 C.11.1.1.2)."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, values: Values) -> Values:
        """Return slope times value plus intercept."""
        return values * self.slope + self.intercept


def modality(dataset: Dataset) -> Lut | Rescale:
    """Return the modality LUT, or the rescale where there is none.

    Raises:
        ValueError: If the LUT sequence cannot be read.
    """
    item = first_item(dataset, "ModalityLUTSequence")
    if item is not None:
        return read_lut(item, dataset, is_signed=dataset.get("PixelRepresentation") == 1)
    return rescale(dataset)[0]


def rescale(dataset: Dataset) -> tuple[Rescale, tuple[Note, ...]]:
    """Return the rescale with 1 and 0 for what is absent or not usable, and notes of the latter."""
    slope = (numbers(dataset, "RescaleSlope") or [1.0])[0]
    intercept = (numbers(dataset, "RescaleIntercept") or [0.0])[0]
    notes = []
    if slope == 0 or not np.isfinite(slope):
        notes.append(Note("rescale", f"Rescale Slope {slope:g} is not usable: 1 is taken"))
        slope = 1.0
    if not np.isfinite(intercept):
        text = f"Rescale Intercept {intercept:g} is not usable: 0 is taken"
        notes.append(Note("rescale", text))
        intercept = 0.0
    return Rescale(slope, intercept), tuple(notes)


def voi_lut(dataset: Dataset, *, is_signed: bool) -> Lut | None:
    """Return the first VOI LUT, or None where the sequence is absent or empty.

    Args:
        dataset: The data set.
        is_signed: Whether the values that come out of the modality LUT can be negative, so that
            the LUT's first input value has a sign too (PS3.3 C.11.2.1.1).

    Raises:
        ValueError: If the LUT sequence cannot be read.
    """
    item = first_item(dataset, "VOILUTSequence")
    if item is not None:
        return read_lut(item, dataset, is_signed=is_signed)
    return None


def windows(dataset: Dataset) -> list[Window]:
    """Return every window in its order; an unknown function counts as LINEAR, the default."""
    centers, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    function = function if function in FUNCTIONS else "LINEAR"
    return [Window(c, w, function) for c, w in zip(centers, widths, strict=False)]


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return the numbers of an element, none where it is absent or does not hold numbers."""
    try:
        value = dataset.get(keyword)
        if value is None or value == "":
            return []
        items = value if isinstance(value, MultiValue | list | tuple) else [value]
        return [float(item) for item in items]
    except (TypeError, ValueError, AttributeError, OverflowError, NotImplementedError):
        return []


def read_lut(item: Dataset, dataset: Dataset, *, is_signed: bool) -> Lut:
    """Return the LUT of a sequence item; ``is_signed`` says whether its inputs have a sign.

    Raises:
        ValueError: If the descriptor or the data are missing or of impossible size.
    """
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3:
        raise ValueError("LUT Descriptor does not have three values")
    count, first, bits = (int(number) for number in descriptor)
    count = count or 65536
    if is_signed and first > 32767:
        first -= 65536
    entries = _entries(item, count, dataset)
    if not 1 <= bits <= 16 or entries.size == 0:
        raise ValueError("LUT Descriptor and LUT Data do not describe a table")
    return Lut(entries, first, bits)


def _entries(item: Dataset, count: int, dataset: Dataset) -> Values:
    data = item.get("LUTData")
    if isinstance(data, bytes):
        little = dataset.file_meta.TransferSyntaxUID.is_little_endian
        # Eight-bit tables are often packed two entries a word, which only the length tells.
        wide = len(data) >= 2 * count
        layout = ("<u2" if little else ">u2") if wide else "u1"
        whole = len(data) // 2 * 2 if wide else len(data)
        return np.frombuffer(data[:whole], layout)[:count].astype(np.float64)
    if data is None:
        raise ValueError("no LUT Data")
    values = data if isinstance(data, MultiValue | list | tuple) else [data]
    return np.asarray(values[:count], np.float64)
