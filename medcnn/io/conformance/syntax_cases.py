"""What elements alone do not tell: false transfer syntaxes, files coded here, and files cut off."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from PIL import Image as PilImage
from pydicom import uid
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from pydicom.pixels.encoders.base import get_encoder

from medcnn.io.conformance.case import Case
from medcnn.io.conformance.example import RAMP, codestream, encode, file_of, image_dataset
from medcnn.io.conformance.table import cases_of

_WINDOW: dict[str, Any] = {
    "WindowCenter": 2048,
    "WindowWidth": 4096,
    "VOILUTFunction": "LINEAR_EXACT",
}


def _rle() -> bytes:
    dataset = image_dataset(RAMP, **_WINDOW)
    frame = get_encoder(uid.RLELossless).encode(dataset, index=0, encoding_plugin="pydicom")
    return file_of(RAMP, syntax=uid.RLELossless, frames=[frame], **_WINDOW)


def _jpeg_baseline() -> bytes:
    stored = (RAMP >> 4).astype(np.uint8)
    buffer = io.BytesIO()
    PilImage.fromarray(stored).save(buffer, "JPEG", quality=98)
    window = _WINDOW | {"WindowCenter": 128, "WindowWidth": 256}
    return file_of(
        stored, bits=8, syntax=uid.JPEGBaseline8Bit, frames=[buffer.getvalue()], **window
    )


def _fragments() -> bytes:
    frame = codestream("jpeg_lossless_sv1")
    dataset = image_dataset(RAMP, syntax=uid.JPEGLosslessSV1, frames=[frame], **_WINDOW)
    dataset.PixelData = encapsulate([frame], fragments_per_frame=3)
    return encode(dataset)


def _without_meta() -> bytes:
    buffer = io.BytesIO()
    stream = DicomFileLike(buffer)
    stream.is_implicit_VR, stream.is_little_endian = True, True
    write_dataset(stream, image_dataset(RAMP, syntax=uid.ImplicitVRLittleEndian, **_WINDOW))
    return buffer.getvalue()


def _declared(held: uid.UID, declared: uid.UID, name: str) -> Callable[[], bytes]:
    """Return what makes a file in one syntax that declares another."""

    def make() -> bytes:
        frames = [codestream(name)] if name else []
        content = file_of(RAMP, syntax=held, frames=frames, **_WINDOW)
        before, after = content.split(_padded(held), 1)
        new = _padded(declared)
        return before[:-2] + struct.pack("<H", len(new)) + new + after

    return make


def _padded(syntax: uid.UID) -> bytes:
    return syntax.encode() + b"\0" * (len(syntax) % 2)


def _case(name: str, section: str, make: Callable[[], bytes], **rest: Any) -> Case:
    return Case(name, section, make, (RAMP.ravel() / 4096).tolist(), **rest)


_EXPLICIT, _IMPLICIT = uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian
_BIG, _DEFLATED = uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian

FALSE = (
    *(
        _case(
            f"{held.name}, declared as {declared.name}",
            "PS3.10 7.1",
            _declared(held, declared, name),
            warning="Transfer Syntax UID says",
        )
        for held, declared, name in (
            (_IMPLICIT, _EXPLICIT, ""),
            (_EXPLICIT, _IMPLICIT, ""),
            (_BIG, _EXPLICIT, ""),
            (_EXPLICIT, _BIG, ""),
            (_EXPLICIT, _DEFLATED, ""),
            (_DEFLATED, _EXPLICIT, ""),
            (_EXPLICIT, uid.JPEG2000Lossless, ""),
            (uid.JPEGLosslessSV1, _EXPLICIT, "jpeg_lossless_sv1"),
            (uid.JPEG2000Lossless, uid.JPEGBaseline8Bit, "jpeg_2000_lossless"),
            (uid.JPEGLSLossless, uid.JPEG2000Lossless, "jpeg_ls"),
        )
    ),
    *cases_of("false transfer syntax"),
)
"""Files whose transfer syntax or size is false: what they hold is taken."""

CASES = (
    *cases_of("transfer syntax"),
    _case(
        "no File Meta Information",
        "PS3.10 7.1",
        _without_meta,
        warning="File Meta Information is missing: Implicit VR Little Endian",
    ),
    _case("RLE Lossless", "PS3.5 A.4.2", _rle),
    _case("JPEG Baseline (process 1), 8 bits", "PS3.5 A.4.1", _jpeg_baseline, tolerance=3 / 256),
    _case("JPEG Lossless SV1 in three fragments", "PS3.5 A.4", _fragments),
)


def _cut(syntax: uid.UID, end: int) -> bytes:
    return file_of(RAMP, syntax=syntax)[:end]


_CUT = partial(_cut, uid.ExplicitVRLittleEndian, -100)
_CUT_DEFLATED = partial(_cut, uid.DeflatedExplicitVRLittleEndian, -40)
_VIDEO = partial(file_of, RAMP, syntax=uid.MPEG2MPML, frames=[bytes(64)])

FAULTS = (
    *cases_of("fault"),
    Case("pixel data cut off", "PS3.5 8.1.1", _CUT, error="truncated"),
    Case("deflated data set cut off", "PS3.5 A.5", _CUT_DEFLATED, error="truncated"),
    Case("MPEG-2 video", "PS3.5 A.4.5", _VIDEO, error="unsupported"),
    Case("not DICOM at all", "PS3.10 7.1", lambda: b"hello, world" * 20, error="not_an_image"),
)
"""Files that cannot end as pixels: each has one typed error, raised before anything is decoded."""
