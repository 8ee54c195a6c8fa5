"""The image pixel module: depth, sign, byte order, colour, planes and frames."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from medcnn.io.conformance.case import Case
from medcnn.io.conformance.example import encode, file_of, image_dataset

_DEPTH, _COLOUR, _PLANES = "PS3.5 8.1.1", "PS3.3 C.7.6.3.1.2", "PS3.3 C.7.6.3.1.3"
_RAMP = (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16)
_QUARTERS = np.array([[0, 1024, 2048, 3072]], "u2")


def _window(full: int, **elements: Any) -> dict[str, Any]:
    exact = {"WindowCenter": full // 2, "WindowWidth": full, "VOILUTFunction": "LINEAR_EXACT"}
    return exact | elements


def _depth(bits: int) -> Case:
    full = 2**bits
    stored = np.array([[0, full // 4, full // 2, full * 3 // 4]], "u1" if bits <= 8 else "u2")
    make = partial(file_of, stored, bits=bits, **_window(full))
    return Case(f"{bits} bits stored", _DEPTH, make, (0, 0.25, 0.5, 0.75))


def _one_bit() -> bytes:
    stored = np.zeros((2, 8), "u1")
    elements = _window(1, WindowCenter="0.5", BitsAllocated=1)
    return file_of(stored, bits=1, PixelData=bytes([0b10101100, 0b00000001]), **elements)


def _floating(keyword: str, dtype: str) -> bytes:
    values = np.array([[-1.5, 0, 1.5, 4.5]], dtype)
    elements: dict[str, Any] = {"BitsStored": None, "HighBit": None, "PixelRepresentation": None}
    dataset = image_dataset(values, PixelData=None, **elements)
    setattr(dataset, keyword, values.tobytes())
    dataset.WindowCenter, dataset.WindowWidth = "1.5", 6
    dataset.VOILUTFunction = "LINEAR_EXACT"
    return encode(dataset)


def _bytes_in_words() -> bytes:
    stored = np.array([[0, 64, 128, 192]], "u1")
    dataset = image_dataset(stored, bits=8, syntax=ExplicitVRBigEndian, **_window(256))
    dataset.PixelData = bytes([64, 0, 192, 128])
    dataset["PixelData"].VR = "OW"
    return encode(dataset)


def _palette() -> bytes:
    tables: dict[str, Any] = {}
    for colour, entries in (("Red", (0, 65535)), ("Green", (0, 65535)), ("Blue", (0, 0))):
        tables[f"{colour}PaletteColorLookupTableDescriptor"] = [2, 0, 16]
        tables[f"{colour}PaletteColorLookupTableData"] = np.array(entries, "<u2").tobytes()
    stored = np.array([[0, 1, 1, 0]], "u1")
    return file_of(stored, bits=8, PhotometricInterpretation="PALETTE COLOR", **tables)


_RGB = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], "u1")
_LUMINANCE = (76 / 255, 150 / 255, 29 / 255, 1)  # 0.299, 0.587, 0.114 of 255, rounded
_YBR = np.array([[[0, 128, 128], [51, 128, 128], [204, 128, 128], [255, 128, 128]]], "u1")
_SIGNED = np.array([[-2048, -1024, 0, 1024]], "i2")
_FRAMES = np.concatenate([_QUARTERS, 4000 - _QUARTERS]).astype("u2").tobytes()
# The lowest four bits hold an overlay, as devices of the ACR-NEMA time wrote it.
_HIGH = (_QUARTERS << 4) | 5
_OVERLAID = _QUARTERS | 0x8000

CASES = (
    *(_depth(bits) for bits in (8, 7, 9, 10, 11, 12, 13, 14, 15, 16)),
    Case(
        "1 bit allocated, eight pixels a byte",
        "PS3.5 8.1.1",
        _one_bit,
        (
            *(0, 0, 1, 1, 0, 1, 0, 1),
            *(1, 0, 0, 0, 0, 0, 0, 0),
        ),
    ),
    Case(
        "32 bits allocated",
        _DEPTH,
        partial(file_of, np.array([[0, 2**30, 2**31, 3 * 2**30]], "u4"), bits=32, **_window(2**32)),
        (0, 0.25, 0.5, 0.75),
    ),
    Case(
        "signed, 16 bits",
        _DEPTH,
        partial(file_of, _SIGNED, bits=16, **_window(4096, WindowCenter=0)),
        (0, 0.25, 0.5, 0.75),
    ),
    Case(
        "signed, 12 of 16 bits",
        _DEPTH,
        partial(file_of, _SIGNED, bits=12, **_window(4096, WindowCenter=0)),
        (0, 0.25, 0.5, 0.75),
    ),
    Case(
        "signed, 12 of 16 bits, sign not extended",
        _DEPTH,
        partial(
            file_of,
            _SIGNED & np.int16(0x0FFF),
            bits=12,
            **_window(4096, WindowCenter=0),
        ),
        (0, 0.25, 0.5, 0.75),
    ),
    Case(
        "unused high bits in use (an old overlay): cleared",
        _DEPTH,
        partial(file_of, _OVERLAID, **_window(4096)),
        (0, 0.25, 0.5, 0.75),
    ),
    Case(
        "High Bit above Bits Stored − 1: shifted down",
        "PS3.5 8.1.1 (2011)",
        partial(file_of, _HIGH, **_window(4096, HighBit=15)),
        (0, 0.25, 0.5, 0.75),
        warning="High Bit 15",
    ),
    Case(
        "Float Pixel Data",
        "PS3.3 C.7.6.24",
        partial(_floating, "FloatPixelData", "<f4"),
        (0, 0.25, 0.5, 1),
    ),
    Case(
        "Double Float Pixel Data",
        "PS3.3 C.7.6.25",
        partial(_floating, "DoubleFloatPixelData", "<f8"),
        (0, 0.25, 0.5, 1),
    ),
    Case(
        "16 bits in big endian",
        "PS3.5 A.3",
        partial(file_of, _QUARTERS, syntax=ExplicitVRBigEndian, **_window(4096)),
        (0, 0.25, 0.5, 0.75),
    ),
    Case(
        "signed, 12 of 16 bits in big endian",
        "PS3.5 A.3",
        partial(file_of, _SIGNED, syntax=ExplicitVRBigEndian, **_window(4096, WindowCenter=0)),
        (0, 0.25, 0.5, 0.75),
    ),
    Case(
        "8 bits in words of big endian",
        "PS3.5 A.3",
        _bytes_in_words,
        (0, 0.25, 0.5, 0.75),
    ),
    Case(
        "RGB, colour by pixel: luminance",
        _PLANES,
        partial(file_of, _RGB, bits=8),
        _LUMINANCE,
        warning="RGB image: the luminance is used",
        tolerance=0.5 / 255,
    ),
    Case(
        "RGB, colour by plane: luminance",
        _PLANES,
        partial(
            file_of,
            _RGB,
            bits=8,
            PlanarConfiguration=1,
            PixelData=np.moveaxis(_RGB, 2, 0).tobytes(),
        ),
        _LUMINANCE,
        warning="RGB image: the luminance is used",
        tolerance=0.5 / 255,
    ),
    Case(
        "RGB with a window, which is of grey images only: full range",
        "PS3.3 C.11.2.1.2",
        partial(file_of, _RGB, bits=8, WindowCenter=10, WindowWidth=5),
        _LUMINANCE,
        warning="RGB image: the luminance is used",
        tolerance=0.5 / 255,
    ),
    Case(
        "YBR_FULL: luminance",
        _COLOUR,
        partial(file_of, _YBR, bits=8, PhotometricInterpretation="YBR_FULL"),
        (0, 0.2, 0.8, 1),
        warning="YBR_FULL image: the luminance is used",
        tolerance=0.5 / 255,
    ),
    Case(
        "YBR_FULL_422, uncompressed: luminance",
        _COLOUR,
        partial(
            file_of,
            _YBR,
            bits=8,
            PhotometricInterpretation="YBR_FULL_422",
            PixelData=bytes([0, 51, 128, 128, 204, 255, 128, 128]),
        ),
        (0, 0.2, 0.8, 1),
        warning="YBR_FULL_422 image: the luminance is used",
        tolerance=0.5 / 255,
    ),
    Case(
        "PALETTE COLOR: luminance of black and yellow",
        "PS3.3 C.7.6.3.1.5",
        _palette,
        (0, 0.886, 0.886, 0),
        warning="PALETTE COLOR image: the luminance is used",
        tolerance=1e-4,
    ),
    Case(
        "Photometric Interpretation in small letters",
        _COLOUR,
        partial(file_of, _QUARTERS, **_window(4096, PhotometricInterpretation="monochrome 2")),
        (0, 0.25, 0.5, 0.75),
        warning="Photometric Interpretation is spelt otherwise",
    ),
    Case(
        "RGB with one sample a pixel: grey",
        _COLOUR,
        partial(file_of, _QUARTERS, **_window(4096, PhotometricInterpretation="RGB")),
        (0, 0.25, 0.5, 0.75),
        warning="Photometric Interpretation contradicts the pixels: MONOCHROME2 is taken",
    ),
    Case(
        "Bits Stored above Bits Allocated: all that are allocated",
        _DEPTH,
        partial(file_of, _QUARTERS, bits=77, **_window(4096)),
        (0, 0.25, 0.5, 0.75),
        warning="Bits Stored is impossible",
    ),
    Case(
        "Bits Stored 10 under values of 12 bits: all bits",
        _DEPTH,
        partial(file_of, _RAMP, bits=10, **_window(4096)),
        tuple(float(value) / 4096 for value in _RAMP.ravel()),
        warning="Bits Stored 10 contradicts values of 12 bits",
    ),
    Case(
        "Bits Allocated 8 under 16: the length tells",
        _DEPTH,
        partial(file_of, _QUARTERS, **_window(4096, BitsAllocated=8)),
        (0, 0.25, 0.5, 0.75),
        warning="Bits Allocated contradicts the length of Pixel Data: 16 are taken",
    ),
    Case(
        "High Bit 15 over values in the lower 12 bits: not shifted",
        "PS3.5 8.1.1 (2011)",
        partial(file_of, _QUARTERS, **_window(4096, HighBit=15)),
        (0, 0.25, 0.5, 0.75),
        warning="High Bit 15 contradicts the values",
    ),
    Case(
        "fewer frames than Number of Frames: the first frame",
        "PS3.3 C.7.6.6",
        partial(file_of, _QUARTERS, **_window(4096, NumberOfFrames=3)),
        (0, 0.25, 0.5, 0.75),
        warning="Pixel Data are too short for Number of Frames",
    ),
    Case(
        "multi-frame: the first frame",
        "PS3.3 C.7.6.6",
        partial(file_of, _QUARTERS, **_window(4096, NumberOfFrames=2, PixelData=_FRAMES)),
        (0, 0.25, 0.5, 0.75),
        warning="multi-frame image: the first of 2 frames is used",
    ),
    Case(
        "odd length, padded to even",
        "PS3.5 8.1.1",
        partial(file_of, np.array([[0, 64, 128]], "u1"), bits=8, **_window(256)),
        (0, 0.25, 0.5),
    ),
    Case(
        "implicit VR",
        "PS3.5 A.1",
        partial(file_of, _QUARTERS, syntax=ImplicitVRLittleEndian, **_window(4096)),
        (0, 0.25, 0.5, 0.75),
    ),
)
