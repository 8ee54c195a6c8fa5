"""The first frame of a data set -> stored values, by the fastest decoder that is installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from medcnn.errors import ImageError
from medcnn.io.bounded import BoundedBytes
from medcnn.io.codestream import Header, read_header
from medcnn.io.contained import decode_contained
from medcnn.io.facts import check_size
from medcnn.io.reduced import reduced_j2k, reduced_jpeg, wanted_scale

# pydicom would try its own RLE decoder first, which is many times slower, and for JPEG 2000 either.
# Pillow decodes 8-bit JPEG with libjpeg-turbo; pyjpegls is four times pylibjpeg on JPEG-LS.
PREFERRED = {
    RLELossless: "pylibjpeg",
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "pylibjpeg",
    JPEGLossless: "pylibjpeg",
    JPEGLosslessSV1: "pylibjpeg",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
    HTJ2KLossless: "pylibjpeg",
    HTJ2KLosslessRPCL: "pylibjpeg",
    HTJ2K: "pylibjpeg",
}
_CONTAINED = (JPEGLSLossless, JPEGLSNearLossless)
"""Syntaxes whose decoders were seen to hang on damaged frames."""

_END = b"\xff\xd9"
_LONGEST_TAIL = 64  # some encoders pad behind the end marker
_J2K = (JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)
_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_SAMPLES = {"MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1}


@dataclass(frozen=True)
class Stored:
    """Decoded pixels before the grey-scale pipeline.

    Attributes:
        values: H×W stored values, or luminance where ``is_colour``.
        is_colour: Whether the file was RGB, YBR or palette, to which no VOI LUT applies.
        top: The largest luminance of a colour image, else 0.
        scale: By how much the decoder reduced both sides: 1, 2, 4 or 8.
        warnings: What was not as it should be.
    """

    values: npt.NDArray[Any]
    is_colour: bool = False
    top: float = 0.0
    scale: int = 1
    warnings: tuple[str, ...] = field(default=())


def decode(
    dataset: Dataset, path: Path, *, min_size: int | None, exact: bool, max_pixels: int
) -> Stored:
    """Return the stored values of the first frame.

    Args:
        dataset: The data set with its File Meta Information.
        path: The file, for the errors.
        min_size: The least height and width that a reduced decoding may leave.
        exact: Whether decoding at reduced resolution is forbidden.
        max_pixels: The most pixels to decode.

    Raises:
        ImageError: If there are no pixels, too many, no decoder, or a broken codestream.
    """
    check_image_module(dataset, path, max_pixels)
    decoder = find_decoder(dataset, path)
    notes = _warn_about(dataset)
    if not decoder.is_encapsulated:
        values = _decode_native(dataset, decoder)
        return _finish(values, dataset, path, 1, notes)
    frame, header = _checked_frame(dataset, path, decoder.UID)
    if header and _is_too_deep(header, decoder):
        raise _missing_decoder(path, f"{decoder.UID.name} above 8 bits", "pylibjpeg-libjpeg>=2.3")
    notes = notes if header is None else (*notes, *_end_notes(frame))
    if header and min_size and not exact and dataset.SamplesPerPixel == 1:
        scale, reduced = _decode_reduced(dataset, decoder.UID, frame, header, min_size)
        if reduced is not None:
            return _finish(reduced, dataset, path, scale, notes)
    return _finish(_decode_frame(dataset, decoder, frame), dataset, path, 1, notes)


def check_image_module(dataset: Dataset, path: Path, max_pixels: int) -> None:
    """Check that the image pixel module can be decoded at all, before anything is allocated.

    Raises:
        ImageError: ``no_pixels``, ``too_large`` or ``corrupt``.
    """
    if not any(keyword in dataset for keyword in _PIXEL_KEYWORDS):
        raise ImageError(
            path,
            "has no pixel data",
            kind="no_pixels",
            expected="an image",
            found=str(dataset.get("Modality") or "a data set without Pixel Data"),
            remedy="export or copy the file again: its pixels are missing or cut off"
            if "Rows" in dataset
            else "leave reports and presentation states out",
        )
    try:
        rows, columns = int(dataset.Rows), int(dataset.Columns)
        samples = int(dataset.SamplesPerPixel)
    except (AttributeError, TypeError, ValueError) as error:
        raise ImageError(
            path,
            "lacks Rows, Columns or Samples per Pixel",
            kind="corrupt",
            remedy="export or copy the file again",
        ) from error
    check_size(path, rows, columns, max_pixels)
    photometric = str(dataset.get("PhotometricInterpretation") or "")
    expected = _SAMPLES.get(photometric, 3)
    if samples != expected:
        raise ImageError(
            path,
            "contradicts itself about its samples per pixel",
            kind="corrupt",
            expected=f"{expected} for {photometric or 'no photometric interpretation'}",
            found=str(samples),
        )


def find_decoder(dataset: Dataset, path: Path) -> Decoder:
    """Return pydicom's decoder for the transfer syntax.

    Raises:
        ImageError: ``unsupported`` or ``missing_decoder``.
    """
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
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


def _is_too_deep(header: Header, decoder: Decoder) -> bool:
    """Return whether only Pillow is there, whose JPEG has 8 bits."""
    deep = header.precision > 8 and decoder.UID in (JPEGExtended12Bit,)
    return deep and decoder.available_plugins == ("pillow",)


def _missing_decoder(path: Path, name: str, packages: str) -> ImageError:
    return ImageError(
        path,
        f"needs a decoder for {name} that is not installed",
        kind="missing_decoder",
        expected=packages,
        remedy="pip install 'medcnn[dicom]'",
    )


def _warn_about(dataset: Dataset) -> tuple[str, ...]:
    notes = []
    frames = _frames(dataset)
    if frames > 1:
        notes.append(f"multi-frame image: the first of {frames} frames is used")
    if _low_bits(dataset):
        notes.append(f"High Bit {int(dataset.HighBit)}: the bits below the lowest are left out")
    return tuple(notes)


def _low_bits(dataset: Dataset) -> int:
    """Return how many bits lie below the stored ones, which only retired files have (PS3.5 8.1.1)."""
    high, stored = dataset.get("HighBit"), dataset.get("BitsStored")
    if not isinstance(high, int) or not isinstance(stored, int):
        return 0
    is_native = (
        "PixelData" in dataset and not UID(dataset.file_meta.TransferSyntaxUID).is_compressed
    )
    return high + 1 - stored if is_native and stored <= high < int(dataset.BitsAllocated) else 0


def _frames(dataset: Dataset) -> int:
    try:
        return max(int(dataset.get("NumberOfFrames") or 1), 1)
    except (TypeError, ValueError):
        return 1


def _decode_native(dataset: Dataset, decoder: Decoder) -> npt.NDArray[Any]:
    wide = dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    plain = "PixelData" in dataset and dataset.SamplesPerPixel == 1
    if not plain:
        return decoder.as_array(dataset, index=0)[0]
    # A view spares two copies; unused bits are cleared only where they are in use (PS3.5 8.1.1).
    options: dict[str, Any] = {"view_only": not wide, "correct_unused_bits": False}
    values, _ = decoder.as_array(dataset, index=0, **options)
    low_bits = _low_bits(dataset)
    if low_bits:
        values = values >> low_bits
    unused = 8 * values.dtype.itemsize - int(dataset.BitsStored)
    if dataset.BitsAllocated == 1 or unused <= 0:
        return values
    limits = np.iinfo(values.dtype)
    below = limits.min < 0 and values.min() < limits.min >> unused
    if below or values.max() > limits.max >> unused:
        return (values << unused) >> unused
    return values


def _checked_frame(dataset: Dataset, path: Path, syntax: UID) -> tuple[bytes, Header | None]:
    frame = bytes(get_frame(BoundedBytes(dataset.PixelData), 0, number_of_frames=_frames(dataset)))
    if syntax == RLELossless:
        return frame, None
    header = read_header(frame)
    expected = (int(dataset.Rows), int(dataset.Columns), int(dataset.SamplesPerPixel))
    found = (header.rows, header.columns, header.samples)
    if expected != found or header.precision > dataset.BitsAllocated:
        raise ImageError(
            path,
            "has a codestream that does not fit its data set",
            kind="corrupt",
            expected="{}×{} pixels of {} samples".format(*expected)
            + f", at most {dataset.BitsAllocated} bits",
            found="{}×{} pixels of {} samples".format(*found) + f", {header.precision} bits",
            remedy="export or copy the file again",
        )
    return frame, header


def _end_notes(frame: bytes) -> tuple[str, ...]:
    """Say so if a JPEG or JPEG 2000 codestream lacks its end marker, which both spell FFD9."""
    if _END in frame[-_LONGEST_TAIL:]:
        return ()
    return ("the codestream has no end marker: the image may be cut off",)


def _decode_reduced(
    dataset: Dataset, syntax: UID, frame: bytes, header: Header, min_size: int
) -> tuple[int, npt.NDArray[Any] | None]:
    signed = bool(dataset.get("PixelRepresentation"))
    # Values coded with the other sign wrap around, and means of wrapped values are nonsense.
    if syntax in _J2K and header.precision <= 16 and header.signed == signed:
        scale = wanted_scale(header, min_size, most=2 ** min(header.levels, 3))
        return scale, reduced_j2k(frame, header, scale) if scale > 1 else None
    if syntax == JPEGBaseline8Bit:
        scale = wanted_scale(header, min_size, most=8)
        return scale, reduced_jpeg(frame, scale) if scale > 1 else None
    return 1, None


def _decode_frame(dataset: Dataset, decoder: Decoder, frame: bytes) -> npt.NDArray[Any]:
    plugin = PREFERRED.get(decoder.UID, "")
    if plugin not in decoder.available_plugins:
        plugin = decoder.available_plugins[0]
    options: dict[str, Any] = {
        "rows": int(dataset.Rows),
        "columns": int(dataset.Columns),
        "samples_per_pixel": int(dataset.SamplesPerPixel),
        "photometric_interpretation": str(dataset.PhotometricInterpretation),
        "bits_allocated": int(dataset.BitsAllocated),
        "bits_stored": int(dataset.BitsStored),
        "pixel_representation": int(dataset.get("PixelRepresentation") or 0),
        "planar_configuration": int(dataset.get("PlanarConfiguration") or 0),
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
    }
    if decoder.UID in _CONTAINED:
        return decode_contained(frame, syntax=decoder.UID, plugin=plugin, options=options)
    # One frame without its offset tables: a lying table cannot send the decoder elsewhere.
    source = encapsulate([frame], has_bot=False)
    with _typed_panics():
        values, _ = decoder.as_array(source, index=0, decoding_plugin=plugin, **options)
    return values


@contextlib.contextmanager
def _typed_panics() -> Iterator[None]:
    """Turn the panic of a decoder written in Rust, which is no Exception, into one."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise ValueError("the decoder panicked") from error
        raise


def _finish(
    values: npt.NDArray[Any], dataset: Dataset, path: Path, scale: int, notes: tuple[str, ...]
) -> Stored:
    photometric = str(dataset.PhotometricInterpretation)
    if photometric.startswith("MONOCHROME"):
        return Stored(values, scale=scale, warnings=notes)
    if photometric == "PALETTE COLOR":
        if "RedPaletteColorLookupTableData" not in dataset:
            raise ImageError(
                path,
                "has segmented palette tables, or none",
                kind="unsupported",
                expected="Red, Green and Blue Palette Color Lookup Table Data",
                remedy="convert it to RGB, for example with dcmdjpeg --conv-color or gdcmimg",
            )
        values = apply_color_lut(values, dataset)
        top = float(np.iinfo(values.dtype).max)
    else:
        top = float(2 ** int(dataset.BitsStored) - 1)
    # Luminance of ITU-R BT.601, as Pillow and OpenCV take it.
    rgb = np.ascontiguousarray(values[..., :3])
    rgb = rgb if rgb.dtype in (np.uint8, np.uint16) else rgb.astype(np.float32)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    notes = (*notes, f"{photometric} image: the luminance is used")
    return Stored(grey, is_colour=True, top=top, scale=scale, warnings=notes)
