"""Which decoder a transfer syntax gets, and one coded frame through it."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy.typing as npt
from pydicom import uid
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.uid import UID

from medcnn.errors import ImageError
from medcnn.io.contained import decode_contained
from medcnn.io.pixel_module import PixelModule
from medcnn.version import how_to_install

J2K = (*(uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K),)
"""JPEG 2000 and its high-throughput form, of one component or three."""
# pydicom would try its own RLE decoder first, which is many times slower, and for JPEG 2000 either.
# Pillow decodes 8-bit JPEG with libjpeg-turbo; pyjpegls is four times pylibjpeg on JPEG-LS.
PREFERRED = {
    **dict.fromkeys((*uid.RLETransferSyntaxes, *uid.JPEGTransferSyntaxes, *J2K), "pylibjpeg"),
    uid.JPEGBaseline8Bit: "pillow",
    **dict.fromkeys(uid.JPEGLSTransferSyntaxes, "pyjpegls"),
}


def find_decoder(syntax: UID, path: Path) -> Decoder:
    """Return pydicom's decoder for a transfer syntax.

    Raises:
        ImageError: ``unsupported`` or ``missing_decoder``.
    """
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise ImageError(
            path,
            "is in a transfer syntax that has no decoder",
            kind="unsupported",
            expected="an uncompressed, RLE, JPEG, JPEG-LS, JPEG 2000 or HTJ2K image",
            found=syntax.name if syntax.is_valid else "an invalid transfer syntax UID",
            remedy="convert it, for example with dcmdjpeg or gdcmconv --raw",
        ) from error
    if not decoder.is_available:
        packages = sorted(item.split("req. ")[-1] for item in decoder.missing_dependencies)
        raise _missing_decoder(path, syntax.name, " or ".join(packages))
    return decoder


def check_depth(decoder: Decoder, precision: int, path: Path) -> None:
    """Check that a decoder can do as many bits: Pillow's JPEG, where it stands alone, has 8.

    Raises:
        ImageError: ``missing_decoder``.
    """
    syntax = decoder.UID
    is_pillow_alone = decoder.available_plugins == ("pillow",)
    if precision > 8 and syntax == uid.JPEGExtended12Bit and is_pillow_alone:
        raise _missing_decoder(path, f"{syntax.name} above 8 bits", "pylibjpeg-libjpeg>=2.3")


def decode_frame(decoder: Decoder, module: PixelModule, frame: bytes) -> npt.NDArray[Any]:
    """Return the stored values of one coded frame, by the fastest plug-in that is installed."""
    plugin = PREFERRED.get(decoder.UID, "")
    if plugin not in decoder.available_plugins:
        plugin = decoder.available_plugins[0]
    options = pixel_options(module) | {"number_of_frames": 1, "pixel_keyword": "PixelData"}
    if decoder.UID in uid.JPEGLSTransferSyntaxes:  # whose decoder was seen to hang
        return decode_contained(frame, syntax=decoder.UID, plugin=plugin, options=options)
    with _typed_panics():
        values, _ = decoder.as_array(_alone(frame), index=0, decoding_plugin=plugin, **options)
    return values


def pixel_options(module: PixelModule) -> dict[str, Any]:
    """Return the image pixel module as pydicom's decoders take it."""
    return {
        "rows": module.rows,
        "columns": module.columns,
        "samples_per_pixel": module.samples,
        "photometric_interpretation": module.photometric,
        "bits_allocated": module.allocated,
        "bits_stored": module.stored,
        "pixel_representation": module.representation,
        "planar_configuration": module.planar,
    }


def _alone(frame: bytes) -> bytes:
    """Return the frame as the only fragment behind an empty offset table (PS3.5 A.4).

    Without its own tables, a lying one cannot send the decoder elsewhere; pydicom's ``encapsulate``
    would copy the frame four times.
    """
    length = len(frame) + len(frame) % 2
    head = struct.pack("<HHIHHI", 0xFFFE, 0xE000, 0, 0xFFFE, 0xE000, length)
    return b"".join((head, frame, bytes(length - len(frame))))


@contextlib.contextmanager
def _typed_panics() -> Iterator[None]:
    """Turn the panic of a decoder written in Rust, which is no Exception, into one."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise ValueError("the decoder panicked") from error
        raise


def _missing_decoder(path: Path, name: str, packages: str) -> ImageError:
    return ImageError(
        path,
        f"needs a decoder for {name} that is not installed",
        kind="missing_decoder",
        expected=packages,
        remedy=how_to_install("dicom"),
    )
