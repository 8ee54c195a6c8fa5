"""Files that cannot end as pixels: each has one typed error, raised before anything is decoded."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from pydicom import uid

from medcnn.io.conformance.case import Case
from medcnn.io.conformance.example import encode, file_of, image_dataset
from medcnn.io.conformance.syntax_cases import RAMP


def _row(**elements: Any) -> partial[bytes]:
    return partial(file_of, np.array([[0, 1, 2, 3]], "u2"), **elements)


def _cut(end: int) -> bytes:
    return file_of(RAMP)[:end]


def _cut_deflated() -> bytes:
    return file_of(RAMP, syntax=uid.DeflatedExplicitVRLittleEndian)[:-40]


def _segmented() -> bytes:
    tables = {
        f"{colour}PaletteColorLookupTableDescriptor": [2, 0, 16]
        for colour in ("Red", "Green", "Blue")
    } | {
        f"Segmented{colour}PaletteColorLookupTableData": bytes(8)
        for colour in ("Red", "Green", "Blue")
    }
    stored = np.zeros((1, 4), "u1")
    return file_of(stored, bits=8, PhotometricInterpretation="PALETTE COLOR", **tables)


CASES = (
    Case("no pixel data", "PS3.3 C.7.6.3", _row(PixelData=None), error="no_pixels"),
    Case("pixel data cut off", "PS3.5 8.1.1", partial(_cut, -100), error="truncated"),
    Case("deflated data set cut off", "PS3.5 A.5", _cut_deflated, error="truncated"),
    Case("less pixel data than Rows × Columns", "PS3.5 8.1.1", _row(Rows=9), error="truncated"),
    Case(
        "60000 × 60000 pixels", "PS3.3 C.7.6.3", _row(Rows=60000, Columns=60000), error="too_large"
    ),
    Case("no Rows", "PS3.3 C.7.6.3", _row(Rows=None), error="corrupt"),
    Case("Rows 0", "PS3.3 C.7.6.3", _row(Rows=0), error="corrupt"),
    Case(
        "MPEG-2 video",
        "PS3.5 A.4.5",
        lambda: encode(image_dataset(RAMP, syntax=uid.MPEG2MPML, frames=[bytes(64)])),
        error="unsupported",
    ),
    Case("segmented palette", "PS3.3 C.7.9.2", _segmented, error="unsupported"),
    Case("not DICOM at all", "PS3.10 7.1", lambda: b"hello, world" * 20, error="not_an_image"),
)
