"""The first frame of a data set -> stored values, whole or at reduced resolution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import Decoder
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
    RLELossless,
)

from medcnn.errors import ImageError
from medcnn.io.bounded import BoundedBytes
from medcnn.io.codestream import Header, read_header
from medcnn.io.decoders import check_depth, decode_frame, find_decoder
from medcnn.io.facts import MAX_SCANS, MAX_TILES, check_count
from medcnn.io.notes import Note
from medcnn.io.pixel_module import PixelModule, read_pixel_module
from medcnn.io.reduced import reduced_j2k, reduced_jpeg, wanted_scale

_END = b"\xff\xd9"
_LONGEST_TAIL = 64  # some encoders pad behind the end marker
_J2K = (JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)


@dataclass(frozen=True)
class Stored:
    """Decoded pixels before the grey-scale pipeline.

    Attributes:
        values: H×W stored values, or luminance where ``is_colour``.
        is_colour: Whether the file was RGB, YBR or palette, to which no VOI LUT applies.
        top: The largest luminance of a colour image, else 0.
        scale: By how much the decoder reduced both sides: 1, 2, 4 or 8.
        notes: What is not as it should be.
    """

    values: npt.NDArray[Any]
    is_colour: bool = False
    top: float = 0.0
    scale: int = 1
    notes: tuple[Note, ...] = ()


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
    module = read_pixel_module(dataset, path, max_pixels)
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    decoder = find_decoder(syntax, path)
    notes = _notes(module, is_native=not decoder.is_encapsulated)
    scale = 1
    if not decoder.is_encapsulated:
        values = _decode_native(dataset, module, decoder, path)
    elif syntax == RLELossless:
        values = decode_frame(decoder, module, _first_frame(dataset, module))
    else:
        frame = _first_frame(dataset, module)
        header = _checked_header(frame, module, path)
        check_depth(decoder, header.precision, path)
        notes = (*notes, *_end_notes(frame))
        if min_size and not exact and module.samples == 1:
            scale = _fitting_scale(syntax, module, header, min_size)
        if scale > 1:
            is_jpeg = syntax == JPEGBaseline8Bit
            values = reduced_jpeg(frame, scale) if is_jpeg else reduced_j2k(frame, header, scale)
        else:
            values = decode_frame(decoder, module, frame)
    return _finish(values, dataset, module, path, scale, notes)


def _notes(module: PixelModule, *, is_native: bool) -> tuple[Note, ...]:
    notes = [*module.notes]
    if module.frames > 1:
        text = f"multi-frame image: the first of {module.frames} frames is used"
        notes.append(Note("multi_frame", text))
    if is_native and module.low_bits:
        text = f"High Bit {module.high}: the bits below the lowest are left out"
        notes.append(Note("bits", text))
    return tuple(notes)


def _decode_native(
    dataset: Dataset, module: PixelModule, decoder: Decoder, path: Path
) -> npt.NDArray[Any]:
    if "PixelData" not in dataset or module.samples > 1:
        return decoder.as_array(dataset, index=0)[0]
    syntax, is_whole_words = decoder.UID, module.allocated in (8, 16, 32)
    if syntax != ExplicitVRBigEndian and is_whole_words and module.stored <= module.allocated:
        values = _view(dataset.PixelData, module, path)
    else:
        options: dict[str, Any] = {"correct_unused_bits": False}
        values, _ = decoder.as_array(dataset, index=0, **options)
        # OpenCV takes no foreign byte order.
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if module.low_bits:
        values = values >> module.low_bits
    return values if module.allocated == 1 else _without_unused_bits(values, module.stored)


def _view(content: bytes, module: PixelModule, path: Path) -> npt.NDArray[Any]:
    """Return the first frame where it lies: pydicom would copy it twice."""
    pixels, bytes_each = module.rows * module.columns, module.allocated // 8
    if len(content) < pixels * bytes_each * module.frames:
        raise ImageError(
            path,
            "ends too early",
            kind="truncated",
            expected=f"{pixels * bytes_each * module.frames:,} bytes of pixels",
            found=f"{len(content):,}",
            remedy="export or copy the file again",
        )
    kind = f"<{'i' if module.representation else 'u'}{bytes_each}"
    return np.frombuffer(content, kind, count=pixels).reshape(module.rows, module.columns)


def _without_unused_bits(values: npt.NDArray[Any], stored: int) -> npt.NDArray[Any]:
    """Return values whose unused high bits say nothing; copied only where they did (PS3.5 8.1.1)."""
    unused = 8 * values.dtype.itemsize - stored
    if unused <= 0:
        return values
    limits = np.iinfo(values.dtype)
    below = limits.min < 0 and values.min() < limits.min >> unused
    if below or values.max() > limits.max >> unused:
        return (values << unused) >> unused
    return values


def _first_frame(dataset: Dataset, module: PixelModule) -> bytes:
    return bytes(get_frame(BoundedBytes(dataset.PixelData), 0, number_of_frames=module.frames))


def _checked_header(frame: bytes, module: PixelModule, path: Path) -> Header:
    header = read_header(frame)
    check_count(path, "tiles", header.tiles, MAX_TILES)
    check_count(path, "scans", header.scans, MAX_SCANS)
    expected = (module.rows, module.columns, module.samples)
    found = (header.rows, header.columns, header.samples)
    if expected != found or header.precision > module.allocated:
        raise ImageError(
            path,
            "has a codestream that does not fit its data set",
            kind="corrupt",
            expected="{}×{} pixels of {} samples".format(*expected)
            + f", at most {module.allocated} bits",
            found="{}×{} pixels of {} samples".format(*found) + f", {header.precision} bits",
            remedy="export or copy the file again",
        )
    return header


def _end_notes(frame: bytes) -> tuple[Note, ...]:
    """Say so if a JPEG or JPEG 2000 codestream lacks its end marker, which both spell FFD9."""
    if _END in frame[-_LONGEST_TAIL:]:
        return ()
    return (Note("cut_off", "the codestream has no end marker: the image may be cut off"),)


def _fitting_scale(syntax: UID, module: PixelModule, header: Header, min_size: int) -> int:
    # Values coded with the other sign wrap around, and means of wrapped values are nonsense.
    has_its_sign = header.signed == bool(module.representation)
    if syntax in _J2K and header.precision <= 16 and has_its_sign:
        return wanted_scale(header, min_size, most=2 ** min(header.levels, 3))
    return wanted_scale(header, min_size, most=8) if syntax == JPEGBaseline8Bit else 1


def _finish(
    values: npt.NDArray[Any],
    dataset: Dataset,
    module: PixelModule,
    path: Path,
    scale: int,
    notes: tuple[Note, ...],
) -> Stored:
    if module.photometric.startswith("MONOCHROME"):
        return Stored(values, scale=scale, notes=notes)
    if module.photometric == "PALETTE COLOR":
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
        top = float(2**module.stored - 1)
    # Luminance of ITU-R BT.601, as Pillow and OpenCV take it.
    rgb = np.ascontiguousarray(values[..., :3])
    rgb = rgb if rgb.dtype in (np.uint8, np.uint16) else rgb.astype(np.float32)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    notes = (*notes, Note("colour", f"{module.photometric} image: the luminance is used"))
    return Stored(grey, is_colour=True, top=top, scale=scale, notes=notes)
