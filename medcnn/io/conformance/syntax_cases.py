"""Every transfer syntax, on one ramp of 16×16 pixels of 12 bits."""

from __future__ import annotations

import base64
import functools
import io
import json
import struct
from collections.abc import Callable
from importlib import resources
from typing import Any

import numpy as np
from PIL import Image as PilImage
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from pydicom.pixels.encoders.base import get_encoder

from medcnn.io.conformance.case import Case
from medcnn.io.conformance.example import encode, image_dataset

RAMP = (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16)
"""0 to 4080 in steps of 16, row by row."""

_PIXELS = tuple(float(value) / 4096 for value in RAMP.ravel())
_WINDOW: dict[str, Any] = {
    "WindowCenter": 2048,
    "WindowWidth": 4096,
    "VOILUTFunction": "LINEAR_EXACT",
}


def codestream(name: str) -> bytes:
    """Return the ramp as coded by an encoder that is not among medcnn's dependencies."""
    return base64.b64decode(_codestreams()[name])


@functools.cache
def _codestreams() -> dict[str, str]:
    text = resources.files(__package__).joinpath("codestreams.json").read_text("utf-8")
    return dict(json.loads(text))


def _native(syntax: uid.UID) -> Callable[[], bytes]:
    return lambda: encode(image_dataset(RAMP, syntax=syntax, **_WINDOW))


def _stored(syntax: uid.UID, name: str, bits: int = 12) -> Callable[[], bytes]:
    return lambda: encode(
        image_dataset(RAMP, syntax=syntax, bits=bits, frames=[codestream(name)], **_WINDOW)
    )


def _rle() -> bytes:
    frame = get_encoder(uid.RLELossless).encode(
        image_dataset(RAMP, **_WINDOW), index=0, encoding_plugin="pydicom"
    )
    return encode(image_dataset(RAMP, syntax=uid.RLELossless, frames=[frame], **_WINDOW))


def jpeg_baseline() -> bytes:
    """Return the ramp, as 8 bits, in JPEG baseline."""
    stored = (RAMP >> 4).astype(np.uint8)
    buffer = io.BytesIO()
    PilImage.fromarray(stored).save(buffer, "JPEG", quality=98)
    window = _WINDOW | {"WindowCenter": 128, "WindowWidth": 256}
    syntax = uid.JPEGBaseline8Bit
    return encode(
        image_dataset(stored, bits=8, syntax=syntax, frames=[buffer.getvalue()], **window)
    )


def _signed_j2k() -> bytes:
    signed = RAMP.astype(np.int16) - np.int16(2048)
    window = _WINDOW | {"WindowCenter": 0}
    frame, syntax = codestream("jpeg_2000_lossless_signed"), uid.JPEG2000Lossless
    return encode(image_dataset(signed, bits=16, syntax=syntax, frames=[frame], **window))


def _fragments() -> bytes:
    frame = codestream("jpeg_lossless_sv1")
    dataset = image_dataset(RAMP, syntax=uid.JPEGLosslessSV1, frames=[frame], **_WINDOW)
    dataset.PixelData = encapsulate([frame], fragments_per_frame=3)
    return encode(dataset)


def _without_meta() -> bytes:
    dataset: Dataset = image_dataset(RAMP, syntax=uid.ImplicitVRLittleEndian, **_WINDOW)
    buffer = io.BytesIO()
    stream = DicomFileLike(buffer)
    stream.is_implicit_VR, stream.is_little_endian = True, True
    write_dataset(stream, dataset)
    return buffer.getvalue()


def _declared(syntax: uid.UID, declared: uid.UID, name: str = "") -> Callable[[], bytes]:
    """Return what makes a file in one syntax that declares another."""

    def make() -> bytes:
        content = (_stored(syntax, name) if name else _native(syntax))()
        held, new = _padded(syntax), _padded(declared)
        place = content.find(held)
        head = content[: place - 2] + struct.pack("<H", len(new)) + new
        return head + content[place + len(held) :]

    return make


def _padded(syntax: uid.UID) -> bytes:
    return syntax.encode() + b"\0" * (len(syntax) % 2)


def _other_size() -> bytes:
    frame = codestream("jpeg_lossless_sv1")
    return encode(image_dataset(RAMP[:8], syntax=uid.JPEGLosslessSV1, frames=[frame], **_WINDOW))


def _case(
    name: str, section: str, make: Callable[[], bytes], tolerance: float = 1e-6, warning: str = ""
) -> Case:
    return Case(name, section, make, _PIXELS, warning=warning, tolerance=tolerance)


_JPEG, _J2K = "PS3.5 A.4.1", "PS3.5 A.4.4"

_EXPLICIT, _IMPLICIT = uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian
_NAMED = "Transfer Syntax UID says"

FALSE = (
    *(
        _case(
            f"{held.name}, declared as {declared.name}",
            "PS3.10 7.1",
            _declared(held, declared),
            warning=_NAMED,
        )
        for held, declared in (
            (_IMPLICIT, _EXPLICIT),
            (_EXPLICIT, _IMPLICIT),
            (uid.ExplicitVRBigEndian, _EXPLICIT),
            (_EXPLICIT, uid.ExplicitVRBigEndian),
            (_EXPLICIT, uid.DeflatedExplicitVRLittleEndian),
            (uid.DeflatedExplicitVRLittleEndian, _EXPLICIT),
            (_EXPLICIT, uid.JPEG2000Lossless),
        )
    ),
    *(
        _case(
            f"{held.name}, declared as {declared.name}",
            "PS3.10 7.1",
            _declared(held, declared, name),
            warning=_NAMED,
        )
        for held, declared, name in (
            (uid.JPEGLosslessSV1, _EXPLICIT, "jpeg_lossless_sv1"),
            (uid.JPEG2000Lossless, uid.JPEGBaseline8Bit, "jpeg_2000_lossless"),
            (uid.JPEGLSLossless, uid.JPEG2000Lossless, "jpeg_ls"),
        )
    ),
    _case(
        "codestream of 16 rows, declared 8: its own",
        "PS3.5 8.2",
        _other_size,
        warning="Rows and Columns contradict the codestream",
    ),
)
"""Files whose transfer syntax or size is false: what they hold is taken."""

CASES = (
    _case("Implicit VR Little Endian", "PS3.5 A.1", _native(uid.ImplicitVRLittleEndian)),
    _case("Explicit VR Little Endian", "PS3.5 A.2", _native(uid.ExplicitVRLittleEndian)),
    _case("Explicit VR Big Endian", "PS3.5 A.3", _native(uid.ExplicitVRBigEndian)),
    _case("Deflated Explicit VR", "PS3.5 A.5", _native(uid.DeflatedExplicitVRLittleEndian)),
    _case(
        "no File Meta Information",
        "PS3.10 7.1",
        _without_meta,
        warning="File Meta Information is missing: Implicit VR Little Endian",
    ),
    _case("RLE Lossless", "PS3.5 A.4.2", _rle),
    _case("JPEG Baseline (process 1), 8 bits", _JPEG, jpeg_baseline, 3 / 256),
    _case(
        "JPEG Extended (process 4), 12 bits",
        _JPEG,
        _stored(uid.JPEGExtended12Bit, "jpeg_extended"),
        4 / 4096,
    ),
    _case("JPEG Lossless (process 14)", _JPEG, _stored(uid.JPEGLossless, "jpeg_lossless")),
    _case(
        "JPEG Lossless SV1 (process 14)", _JPEG, _stored(uid.JPEGLosslessSV1, "jpeg_lossless_sv1")
    ),
    _case("JPEG Lossless SV1 in three fragments", "PS3.5 A.4", _fragments),
    _case("JPEG-LS Lossless", "PS3.5 A.4.3", _stored(uid.JPEGLSLossless, "jpeg_ls")),
    _case(
        "JPEG-LS Near-lossless, error 2",
        "PS3.5 A.4.3",
        _stored(uid.JPEGLSNearLossless, "jpeg_ls_near"),
        2.01 / 4096,
    ),
    _case("JPEG 2000 Lossless", _J2K, _stored(uid.JPEG2000Lossless, "jpeg_2000_lossless")),
    _case("JPEG 2000 Lossless, signed", _J2K, _signed_j2k),
    _case("JPEG 2000", _J2K, _stored(uid.JPEG2000, "jpeg_2000"), 16 / 4096),
    _case("HTJ2K Lossless", "PS3.5 A.4", _stored(uid.HTJ2KLossless, "htj2k_lossless", 16)),
    _case(
        "HTJ2K Lossless RPCL",
        "PS3.5 A.4",
        _stored(uid.HTJ2KLosslessRPCL, "htj2k_lossless_rpcl", 16),
    ),
    _case("HTJ2K", "PS3.5 A.4", _stored(uid.HTJ2K, "htj2k", 16), 8 / 4096),
)
