"""Modality LUT, VOI LUT, presentation LUT shape, MONOCHROME1 and padding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from medcnn.io.conformance.case import Case
from medcnn.io.conformance.example import encode, file_of, image_dataset, lut_item

_MODALITY, _VOI, _SHAPE = "PS3.3 C.11.1.1", "PS3.3 C.11.2.1.1", "PS3.3 C.11.6.1.2"
_PADDING = "PS3.3 C.7.5.1.1.2"


def _row(*values: int, dtype: str = "u2", **elements: Any) -> partial[bytes]:
    return partial(file_of, np.array([values], dtype), **elements)


def _luts(
    values: Sequence[int],
    *,
    modality: tuple[Sequence[int], Sequence[int]] | None = None,
    voi: tuple[Sequence[int], Sequence[int]] | None = None,
    dtype: str = "u2",
    **elements: Any,
) -> partial[bytes]:
    if modality is not None:
        elements["ModalityLUTSequence"] = [lut_item(*modality)]
    if voi is not None:
        elements["VOILUTSequence"] = [lut_item(*voi)]
    return partial(file_of, np.array([values], dtype), **elements)


def _big_endian_lut() -> bytes:
    dataset = image_dataset(np.array([[0, 1, 2, 3]], "u2"), syntax=ExplicitVRBigEndian)
    item = lut_item((4, 0, 16), (0,))
    item.LUTData = np.array([0, 16384, 32768, 65535], ">u2").tobytes()
    dataset.VOILUTSequence = [item]
    return encode(dataset)


def _packed_lut() -> bytes:
    dataset = image_dataset(np.array([[0, 1, 2, 3]], "u2"))
    item = lut_item((4, 0, 8), (0,))
    item.LUTData = bytes([0, 51, 204, 255])
    dataset.VOILUTSequence = [item]
    return encode(dataset)


def _beside(item: Dataset | None) -> partial[bytes]:
    """Return a file with a VOI LUT Sequence that cannot be used beside a window that can."""
    items = [] if item is None else [item]
    return _row(*_QUARTERS, VOILUTSequence=items, **_EXACT)


def _without_data() -> Dataset:
    item = lut_item((4, 0, 8), (0,))
    del item.LUTData
    return item


_EXACT: dict[str, Any] = {
    "WindowCenter": 2048,
    "WindowWidth": 4096,
    "VOILUTFunction": "LINEAR_EXACT",
}
_UNSIGNED_PADDING = DataElement(0x00280120, "US", 63536)
_RAW: dict[str, Any] = {"PresentationIntentType": "FOR PROCESSING"}
_QUARTERS = (0, 1024, 2048, 3072)
_TABLE = ((4, 0, 8), (0, 51, 204, 255))

CASES = (
    Case(
        "Rescale Slope and Intercept before the window",
        _MODALITY,
        _row(
            *(0, 1000, 2000, 3000, 4000),
            RescaleSlope=2,
            RescaleIntercept=-1000,
            WindowCenter=3000,
            WindowWidth=8000,
            VOILUTFunction="LINEAR_EXACT",
        ),
        (0, 0.25, 0.5, 0.75, 1),
    ),
    Case(
        "negative Rescale Slope",
        _MODALITY,
        _row(*_QUARTERS, RescaleSlope=-1, RescaleIntercept=4096, **_EXACT),
        (1, 0.75, 0.5, 0.25),
    ),
    Case(
        "Rescale Slope 0: 1 is taken",
        _MODALITY,
        _row(*_QUARTERS, RescaleSlope=0, RescaleIntercept=0, **_EXACT),
        (0, 0.25, 0.5, 0.75),
        warning="Rescale Slope 0 is not usable",
    ),
    Case(
        "Rescale Intercept that is not finite: 0 is taken",
        _MODALITY,
        _row(*_QUARTERS, RescaleSlope=1, RescaleIntercept="inf", **_EXACT),
        (0, 0.25, 0.5, 0.75),
        warning="Rescale Intercept inf is not usable",
    ),
    Case(
        "Modality LUT Sequence, ends held",
        _MODALITY,
        _luts((0, 1000, 1001, 1002, 4000), modality=((3, 1000, 16), (512, 1024, 2048)), **_EXACT),
        (0.125, 0.125, 0.25, 0.5, 0.5),
    ),
    Case(
        "Modality LUT Sequence from a negative value",
        _MODALITY,
        _luts(
            (-3, -2, -1, 0, 1),
            modality=((4, -2, 16), (0, 1024, 2048, 3072)),
            dtype="i2",
            **_EXACT,
        ),
        (0, 0, 0.25, 0.5, 0.75),
    ),
    Case("VOI LUT Sequence", _VOI, _luts((0, 1, 2, 3, 9), voi=_TABLE), (0, 0.2, 0.8, 1, 1)),
    Case(
        "VOI LUT Sequence of 16 bits in big endian",
        _VOI,
        _big_endian_lut,
        (0, 16384 / 65535, 32768 / 65535, 1),
    ),
    Case("VOI LUT Sequence of bytes, two a word", _VOI, _packed_lut, (0, 0.2, 0.8, 1)),
    Case(
        "VOI LUT Sequence before a window",
        _VOI,
        _luts((0, 1, 2, 3), voi=_TABLE, WindowCenter=2, WindowWidth=2),
        (0, 0.2, 0.8, 1),
    ),
    Case(
        "VOI LUT Sequence after the modality LUT",
        _VOI,
        _luts((0, 10, 20, 30), voi=_TABLE, RescaleSlope="0.1", RescaleIntercept=0),
        (0, 0.2, 0.8, 1),
    ),
    Case(
        "VOI LUT Sequence from a negative value, after an intercept",
        _VOI,
        _luts(
            (1022, 1023, 1024, 1025),
            voi=((4, 65534, 8), _TABLE[1]),
            RescaleSlope=1,
            RescaleIntercept=-1024,
        ),
        (0, 0.2, 0.8, 1),
    ),
    Case(
        "VOI LUT Sequence in implicit VR, signed pixels",
        _VOI,
        _luts(
            (-2, -1, 0, 1), voi=((4, -2, 8), _TABLE[1]), dtype="i2", syntax=ImplicitVRLittleEndian
        ),
        (0, 0.2, 0.8, 1),
    ),
    Case(
        "VOI LUT Sequence of 16 declared and 12 used bits: what the table holds",
        _VOI,
        _luts((0, 1, 2, 3), voi=((4, 0, 16), (0, 1024, 2048, 4095))),
        (0, 1024 / 4095, 2048 / 4095, 1),
        warning="VOI LUT Sequence: 16 bits declared, 12 used",
    ),
    Case(
        "VOI LUT Sequence of 6 declared and 2 held entries: what the table holds",
        _VOI,
        _luts((0, 1, 2, 3), voi=((6, 0, 16), (0, 65535))),
        (0, 1, 1, 1),
        warning="6 entries declared, 2 held",
    ),
    Case(
        "VOI LUT Sequence whose first value has the wrong sign",
        _VOI,
        _luts((65532, 65533, 65534, 65535), bits=16, voi=((4, -4, 8), _TABLE[1])),
        (0, 0.2, 0.8, 1),
        warning="its first input value has the wrong sign: 65532 is taken",
    ),
    Case(
        "VOI LUT Sequence without an item: the window",
        "PS3.3 C.11.2",
        _beside(None),
        (0, 0.25, 0.5, 0.75),
        warning="VOI LUT Sequence has no item: it is ignored",
    ),
    Case(
        "VOI LUT Sequence without LUT Data: the window",
        "PS3.3 C.11.2",
        _beside(_without_data()),
        (0, 0.25, 0.5, 0.75),
        warning="VOI LUT Sequence has no LUT Data: it is ignored",
    ),
    Case(
        "VOI LUT Sequence of zeros: the window",
        "PS3.3 C.11.2",
        _beside(lut_item((4, 0, 8), (0, 0, 0, 0))),
        (0, 0.25, 0.5, 0.75),
        warning="VOI LUT Sequence has LUT Data of zeros alone: it is ignored",
    ),
    Case(
        "Modality LUT Sequence without an item: none",
        _MODALITY,
        _row(*_QUARTERS, ModalityLUTSequence=[], **_EXACT),
        (0, 0.25, 0.5, 0.75),
        warning="Modality LUT Sequence has no item: it is ignored",
    ),
    Case(
        "MONOCHROME1: inverted after the window",
        "PS3.3 C.7.6.3.1.2",
        _row(*_QUARTERS, PhotometricInterpretation="MONOCHROME1", **_EXACT),
        (1, 0.75, 0.5, 0.25),
    ),
    Case(
        "MONOCHROME1: inverted after the VOI LUT",
        "PS3.3 C.7.6.3.1.2",
        _luts((0, 1, 2, 3), voi=_TABLE, PhotometricInterpretation="MONOCHROME1"),
        (1, 0.8, 0.2, 0),
    ),
    Case(
        "Presentation LUT Shape INVERSE with MONOCHROME1: inverted once",
        "PS3.3 C.8.11.3.1.2",
        _row(
            *_QUARTERS,
            PhotometricInterpretation="MONOCHROME1",
            PresentationLUTShape="INVERSE",
            **_EXACT,
        ),
        (1, 0.75, 0.5, 0.25),
    ),
    Case(
        "Presentation LUT Shape IDENTITY",
        _SHAPE,
        _row(*_QUARTERS, PresentationLUTShape="IDENTITY", **_EXACT),
        (0, 0.25, 0.5, 0.75),
    ),
    Case(
        "Presentation LUT Shape INVERSE",
        _SHAPE,
        _row(*_QUARTERS, PresentationLUTShape="INVERSE", **_EXACT),
        (1, 0.75, 0.5, 0.25),
        warning="Presentation LUT Shape INVERSE: inverted once",
    ),
    Case(
        "Presentation LUT Shape IDENTITY with MONOCHROME1 (a contradiction)",
        "PS3.3 C.8.11.3.1.2",
        _row(
            *_QUARTERS,
            PhotometricInterpretation="MONOCHROME1",
            PresentationLUTShape="IDENTITY",
            **_EXACT,
        ),
        (1, 0.75, 0.5, 0.25),
        warning="MONOCHROME1 with Presentation LUT Shape IDENTITY",
    ),
    Case(
        "FOR PROCESSING, Pixel Intensity Relationship LIN, Sign 1: minus the logarithm",
        "PS3.3 C.8.11.3.1.2",
        _row(
            *(16000, 1600, 160),
            bits=14,
            PixelIntensityRelationship="LIN",
            PixelIntensityRelationshipSign=1,
            **_RAW,
        ),
        (0, 0.5, 1),
        warning="FOR PROCESSING: raw detector values",
    ),
    Case(
        "FOR PROCESSING, Pixel Intensity Relationship LOG, Sign 1: inverted",
        "PS3.3 C.8.11.3.1.2",
        _row(
            *(0, 50, 100),
            PixelIntensityRelationship="LOG",
            PixelIntensityRelationshipSign=1,
            **_RAW,
        ),
        (1, 0.5, 0),
        warning="FOR PROCESSING: raw detector values",
    ),
    Case(
        "FOR PROCESSING, Pixel Intensity Relationship LOG, Sign −1: as it is",
        "PS3.3 C.8.11.3.1.2",
        _row(
            *(0, 50, 100),
            PixelIntensityRelationship="LOG",
            PixelIntensityRelationshipSign=-1,
            **_RAW,
        ),
        (0, 0.5, 1),
        warning="FOR PROCESSING: raw detector values",
    ),
    Case(
        "Pixel Padding Value: left out of the percentiles, and black",
        _PADDING,
        _row(4095, 100, 200, 300, 4095, PixelPaddingValue=4095),
        (0, 0, 0.5, 1, 0),
    ),
    Case(
        "Pixel Padding Range Limit",
        _PADDING,
        _row(4000, 4095, 100, 200, 300, PixelPaddingValue=4095, PixelPaddingRangeLimit=4000),
        (0, 0, 0, 0.5, 1),
    ),
    Case(
        "Pixel Padding Value with MONOCHROME1: black all the same",
        _PADDING,
        _row(
            *(0, 1024, 2048),
            PixelPaddingValue=0,
            PhotometricInterpretation="MONOCHROME1",
            **_EXACT,
        ),
        (0, 0.75, 0.5),
    ),
    Case(
        "Pixel Padding Value without the sign that the pixels have",
        _PADDING,
        _row(-2000, 0, 100, 200, dtype="i2", bits=16, PixelPaddingValue=_UNSIGNED_PADDING),
        (0, 0, 0.5, 1),
        warning="Pixel Padding Value has another sign than the pixels: -2000 is taken",
    ),
    Case(
        "Pixel Padding Range Limit over all pixels: the value alone",
        _PADDING,
        _row(*_QUARTERS, PixelPaddingValue=0, PixelPaddingRangeLimit=4095, **_EXACT),
        (0, 0.25, 0.5, 0.75),
        warning="Pixel Padding Range Limit covers nearly all of the pixels",
    ),
    Case(
        "unknown Presentation LUT Shape: none",
        _SHAPE,
        _row(*_QUARTERS, PresentationLUTShape="LIN OD", **_EXACT),
        (0, 0.25, 0.5, 0.75),
        warning="unknown Presentation LUT Shape",
    ),
    Case(
        "negative Pixel Padding Value",
        _PADDING,
        _row(-2000, 0, 100, 200, dtype="i2", bits=16, PixelPaddingValue=-2000),
        (0, 0, 0.5, 1),
    ),
)
