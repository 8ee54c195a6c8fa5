"""A DICOM radiograph as the network wants it: S×S grey levels, air 0 and bone 255 whatever it says.

The contract of reading of an exported medcnn model, with numpy and pydicom alone. It does what
``medcnn.io`` does with ``exact=True``, to the last grey level, and refuses with a reason what lies
outside of it: colour, several frames, raw detector values, headers that contradict their pixels.
Sections are those of DICOM PS3.3.

Legend: H×W stored values, S×S pixels, K distinct values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from area_resize import resize
from header_words import part_of, shows_frontal_chest, text_of, view_of
from pydicom.encaps import get_frame
from pydicom.multival import MultiValue
from pydicom.pixels.decoders.base import get_decoder

Floats = npt.NDArray[np.float64]
Scale = Callable[[Floats], Floats]

PERCENTILES = (0.5, 99.5)
LEAST_SHARE = 0.01
WIDEST_WINDOW = 2.0
PLUGINS = {"50": "pillow", "51": "pylibjpeg", "80": "pyjpegls", "81": "pyjpegls"}
"""The decoder by the end of a JPEG transfer syntax: two of them may differ by a level."""
CODES: dict[str, tuple[bytes, ...]] = {
    "1.2.840.10008.1.2.4.5": (b"\xff\xd8",),
    "1.2.840.10008.1.2.4.8": (b"\xff\xd8",),
    "1.2.840.10008.1.2.4.9": (b"\xff\x4f", b"\x00\x00\x00\x0c"),
    "1.2.840.10008.1.2.4.20": (b"\xff\x4f", b"\x00\x00\x00\x0c"),
}
"""How a coded frame begins, by the start of its transfer syntax."""
RAW_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.1.{number}.1" for number in (1, 2, 3))


class RefusedError(Exception):
    """A file outside of the contract, and why; medcnn itself may still read it."""


@dataclass(frozen=True)
class Picture:
    """What is read of a file: S×S uint8 pixels, its size, and the words of its header."""

    pixels: npt.NDArray[np.uint8]
    rows: int
    columns: int
    modality: str
    body_part: str
    view: str


@dataclass(frozen=True)
class Window:
    """A window (C.11.2.1.2): values between the limits go to [0, 1]."""

    low: float
    high: float
    function: str = "LINEAR_EXACT"

    def __call__(self, values: Floats) -> Floats:
        """Return the windowed values."""
        if self.function == "SIGMOID":
            centre, width = (self.low + self.high) / 2, self.high - self.low
            return np.asarray(1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700))))
        if self.high <= self.low:
            return (values > self.low).astype(np.float64)
        return np.clip((values - self.low) / (self.high - self.low), 0, 1)


def read(path: Path, size: int) -> Picture:
    """Return the picture of a DICOM file.

    Args:
        path: The file.
        size: S.

    Raises:
        RefusedError: If the file is outside of the contract.
    """
    dataset = pydicom.dcmread(path)
    stored = _stored(dataset)
    view, part, modality = view_of(dataset), part_of(dataset), text_of(dataset, "Modality")
    unit = _unit(dataset, stored, shows_frontal_chest(modality, part, view))
    return Picture(
        np.rint(resize(unit, size) * np.float32(255)).clip(0, 255).astype(np.uint8),
        stored.shape[0],
        stored.shape[1],
        modality,
        part,
        view,
    )


def _stored(dataset: Any) -> npt.NDArray[Any]:
    """Return the stored values (C.7.6.3), once nothing contradicts what is declared of them."""
    text = str(dataset.get("PhotometricInterpretation", "")).strip()
    _ask("PixelData" in dataset, "it has no Pixel Data of whole numbers")
    _ask(text in ("MONOCHROME1", "MONOCHROME2"), f"its Photometric Interpretation is {text!r}")
    _ask(int(dataset.get("SamplesPerPixel", 1)) == 1, "it has several samples a pixel")
    _ask(int(dataset.get("NumberOfFrames") or 1) == 1, "it has several frames")
    intent = str(dataset.get("PresentationIntentType", "")).upper().replace("_", " ").strip()
    raw = intent == "FOR PROCESSING" or str(dataset.get("SOPClassUID", "")) in RAW_CLASSES
    _ask(not raw, "it holds raw detector values (FOR PROCESSING)")
    allocated, bits = int(dataset.BitsAllocated), int(dataset.BitsStored)
    _ask(allocated in (8, 16) and 1 <= bits <= allocated, f"it stores {bits} of {allocated} bits")
    _ask(int(dataset.get("HighBit", bits - 1)) == bits - 1, "its High Bit is not the uppermost one")
    values = _decoded(dataset)
    signed = bool(dataset.get("PixelRepresentation", 0))
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    within = low <= int(values.min()) and int(values.max()) <= high
    _ask(within, f"its values do not fit into {bits} bits")
    _ask(not _is_cut(values, low, bits), "its Pixel Representation contradicts its values")
    return values


def _decoded(dataset: Any) -> npt.NDArray[Any]:
    syntax = dataset.file_meta.TransferSyntaxUID
    decoder, plugin = get_decoder(syntax), PLUGINS.get(syntax.rpartition(".")[2], "pylibjpeg")
    options: dict[str, Any] = {}
    if syntax.is_compressed:
        start = get_frame(dataset.PixelData, 0, number_of_frames=1)[:4]
        code = next((code for key, code in CODES.items() if syntax.startswith(key)), (b"",))
        _ask(start.startswith(code), "its Transfer Syntax UID names another coding")
    if syntax.is_compressed and plugin in decoder.available_plugins:
        options["decoding_plugin"] = plugin
    if not syntax.is_compressed:
        options["correct_unused_bits"] = False  # whatever lies there is seen, and refused
    values, _ = decoder.as_array(dataset, index=0, raw=True, **options)
    _ask(values.shape == (dataset.Rows, dataset.Columns), "its size is not Rows × Columns")
    return np.asarray(values.astype(values.dtype.newbyteorder("="), copy=False))


def _is_cut(values: npt.NDArray[Any], low: int, bits: int) -> bool:
    """Return whether values lie at both ends of the declared range and none around its middle."""
    if bits > 16 or values.size < 1024:
        return False
    found = np.unique(values).astype(np.int64) - low
    quarter, half = 2**bits // 4, 2 ** (bits - 1)
    if not (found[0] < quarter and found[-1] > 3 * quarter):
        return False
    below, above = found[found < half], found[found >= half]
    return bool(len(below) and len(above) and above[0] - below[-1] - 1 >= 2**bits / 8)


def _unit(dataset: Any, stored: npt.NDArray[Any], shows_chest: bool) -> npt.NDArray[np.float32]:
    """Return the pixels in [0, 1] (PS3.4 N.2.1): modality, VOI, polarity, padding."""
    padding = _padding(dataset, stored)
    distinct, counts = np.unique(stored, return_counts=True)
    distinct = distinct.astype(np.float64)
    if padding is not None and not (inside := _within(distinct, padding)).all():
        distinct, counts = distinct[~inside], counts[~inside]
    signed = bool(distinct.min() < 0) or stored.dtype.kind == "i"
    table = _lut(dataset, "ModalityLUTSequence", distinct, counts, signed)
    slope, intercept = _rescale(dataset)
    to_modality: Scale = table[0] if table else lambda values: values * slope + intercept
    values = to_modality(distinct)
    seen = float(values.max() - values.min())
    possible = max(seen, table[1] if table else 2.0 ** int(dataset.BitsStored) * abs(slope))
    voi = _lut(dataset, "VOILUTSequence", values, counts, bool(values.min() < 0))
    window = None if voi else _window(dataset, values, counts, possible)
    shape = str(dataset.get("PresentationLUTShape", "")).strip().upper()
    mono1 = str(dataset.PhotometricInterpretation).strip() == "MONOCHROME1"
    inverted = mono1 or shape == "INVERSE"

    def shown(found: npt.NDArray[Any], turned: bool) -> npt.NDArray[np.float32]:
        every, where = np.unique(found, return_inverse=True)
        levels = to_modality(every.astype(np.float64))
        unit = voi[0](levels) / voi[1] if voi else window(levels) if window else levels
        unit = 1 - unit if turned else unit
        if padding is not None:
            unit = np.where(_within(every.astype(np.float64), padding), 0.0, unit)
        return np.asarray(unit.astype(np.float32)[where].reshape(found.shape))

    if shows_chest and min(stored.shape) >= 64:
        rows, columns = (max(side // 256, 1) for side in stored.shape)
        small = shown(stored[::rows, ::columns], inverted)
        rows, columns = (max(side // 256, 1) for side in small.shape)
        declared = None
        if table is None and window is not None and window.function != "SIGMOID":
            declared = (slope < 0) == inverted if window.high > window.low else None
        if _air_is_bright(resize(small[::rows, ::columns], 64), _sign(dataset), declared):
            inverted = not inverted
    return shown(stored, inverted)


def _sign(dataset: Any) -> int:
    sign = dataset.get("PixelIntensityRelationshipSign")
    return int(sign) if sign in (1, -1) else 0


def _air_is_bright(small: npt.NDArray[np.float32], sign: int, bone_is_bright: bool | None) -> bool:
    """Return whether the chest itself shows that the declared polarity is wrong."""
    middle = small[16:48, 28:36].mean()
    lungs = small[16:48, 12:24].mean(), small[16:48, 40:52].mean()
    if middle - min(lungs) < -0.02:
        corners = np.median(np.concatenate([small[:8, :6], small[:8, -6:]]))
        sides = np.median(np.concatenate([small[:, :3], small[:, -3:]]))
        if max(corners, sides) > np.median(small[16:48, 16:48]):
            return True
    contradicted = bool(sign) and bone_is_bright is not None and bone_is_bright != (sign < 0)
    return contradicted and bool(middle - (lungs[0] + lungs[1]) / 2 < -0.02)


def _padding(dataset: Any, stored: npt.NDArray[Any]) -> tuple[float, float] | None:
    """Return the range of Pixel Padding Value and Range Limit (C.7.5.1.1.2)."""
    value = dataset.get("PixelPaddingValue")
    if value is None or value == "":
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = [float(end) for end in (value, limit) if end is not None and end != ""]
    kind = np.iinfo(stored.dtype)
    _ask(kind.min <= min(ends) and max(ends) <= kind.max, "its padding has another sign")
    found = min(ends), max(ends)
    covered = len(ends) == 2 and float(_within(stored, found).mean()) > 0.9
    _ask(not covered, "its Pixel Padding Range Limit covers the image")
    return found


def _rescale(dataset: Any) -> tuple[float, float]:
    slope, intercept = (
        float(dataset.get(name, default) or default)
        for name, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
    )
    fine = np.isfinite([slope, intercept]).all() and slope != 0
    _ask(fine and str(dataset.get("RescaleSlope")).strip() != "0", "its Rescale Slope is no number")
    return slope, intercept


def _lut(
    dataset: Any, name: str, values: Floats, counts: npt.NDArray[np.int64], signed: bool
) -> tuple[Scale, float] | None:
    """Return the LUT of a sequence and its largest output (C.11.1.1.1), None where there is none."""
    if name not in dataset:
        return None
    item: Any = dataset[name].value[0] if len(dataset[name].value) else {}
    _ask("LUTData" in item, f"its {name} has no LUT Data")
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    count, first = count or 65536, first - 65536 if signed and first > 32767 else first
    data = item.LUTData
    order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
    words = np.frombuffer(data, f"{order}u2") if isinstance(data, bytes) else np.asarray(data)
    entries = (words.astype(np.int64) & 0xFFFF).astype(np.float64)
    used = int(entries.max()).bit_length() if len(entries) else 0
    plain = len(entries) == count and 0 < used <= bits <= 16
    _ask(plain and (used == bits or name[0] == "M"), f"its {name} contradicts its descriptor")

    def look_up(found: Floats) -> Floats:
        at = np.clip(np.rint(found) - first, 0, count - 1).astype(np.intp)
        return np.asarray(entries[at])

    held = (values >= first) & (values < first + count)
    few = len(values) <= 2
    _ask(few or _share(held, counts) >= LEAST_SHARE, f"its {name} holds none of the values")
    if name[0] == "V" and not few:
        varied = np.ptp(look_up(values)) >= LEAST_SHARE * (2.0**bits - 1)
        _ask(bool(varied), f"its {name} shows nothing")
    return look_up, 2.0**bits - 1


def _window(dataset: Any, values: Floats, counts: npt.NDArray[np.int64], possible: float) -> Window:
    """Return the first window that shows something, else the stretch between the percentiles."""
    named = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper().replace(" ", "_")
    _ask(named in ("LINEAR", "LINEAR_EXACT", "SIGMOID"), f"its VOI LUT Function is {named!r}")
    centers, widths = (_numbers(dataset, f"Window{word}") for word in ("Center", "Width"))
    for center, width in zip(centers, widths, strict=False):
        least = 1.0 if named == "LINEAR" else np.finfo(float).tiny
        if not (np.isfinite([center, width]).all() and width >= least):
            continue
        if width > WIDEST_WINDOW * possible and len(values) > 1:
            continue
        middle = center - 0.5 if named == "LINEAR" else center
        half = (width - 1 if named == "LINEAR" else width) / 2
        window = Window(middle - half, middle + half, named)
        inside = (values > window.low) & (values < window.high)
        if len(values) > 2 and named != "SIGMOID" and _share(inside, counts) < LEAST_SHARE:
            continue
        if len(values) > 2 and named == "SIGMOID" and np.ptp(window(values)) < LEAST_SHARE:
            continue
        return window
    return _stretch(values, counts)


def _stretch(values: Floats, counts: npt.NDArray[np.int64]) -> Window:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(counts[order])
    low, high = (
        float(
            values[order][
                min(int(np.searchsorted(reached, part / 100 * reached[-1])), len(order) - 1)
            ]
        )
        for part in PERCENTILES
    )
    if high <= low:
        low, high = float(values.min()), float(values.max())
    # In this order of operations, which medcnn's windows have too.
    width = high - low if high > low else 1.0
    center = low + width / 2
    return Window(center - width / 2, center + width / 2)


def _numbers(dataset: Any, name: str) -> list[float]:
    value = dataset.get(name)
    if value is None or value == "":
        return []
    several = value if isinstance(value, MultiValue) else [value]
    return [float(each) for each in several]


def _within(values: npt.NDArray[Any], ends: tuple[float, float]) -> npt.NDArray[np.bool_]:
    return np.asarray((values >= ends[0]) & (values <= ends[1]))


def _share(inside: npt.NDArray[np.bool_], counts: npt.NDArray[np.int64]) -> float:
    return float(counts[inside].sum() / counts.sum())


def _ask(holds: bool | np.bool_, reason: str) -> None:
    if not holds:
        raise RefusedError(reason)
