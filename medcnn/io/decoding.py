"""The first frame of a data set -> stored values, whole or at reduced resolution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import Decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import UID, ExplicitVRBigEndian, JPEGBaseline8Bit

from medcnn.errors import ImageError
from medcnn.io.agreement import agreed
from medcnn.io.codestream import Header
from medcnn.io.coding import find_coding
from medcnn.io.decoders import J2K, check_depth, decode_frame, find_decoder, pixel_options
from medcnn.io.facts import MAX_SCANS, MAX_TILES, check_count
from medcnn.io.notes import Note
from medcnn.io.photometric import MONOCHROME
from medcnn.io.pixel_module import PixelModule, check_has_pixels, read_pixel_module
from medcnn.io.reduced import reduced_j2k, reduced_jpeg, wanted_scale

_END = b"\xff\xd9"
_LONGEST_TAIL = 64  # some encoders pad behind the end marker


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
    check_has_pixels(dataset, path)
    coding = find_coding(dataset)
    if coding.header is not None:
        _check_header(coding.header, path)
    decoder = find_decoder(coding.syntax, path)
    dataset.file_meta.TransferSyntaxUID = coding.syntax
    module = read_pixel_module(
        dataset, path, max_pixels, header=coding.header, is_native=coding.frame is None
    )
    notes = (*coding.notes, *module.notes, *_frame_notes(module))
    if coding.frame is None:
        values = _decode_native(dataset, module, decoder, path)
        return _finish(values, dataset, module, path, notes, is_native=True)
    if coding.header is None:
        return _finish(decode_frame(decoder, module, coding.frame), dataset, module, path, notes)
    check_depth(decoder, coding.header.precision, path)
    notes = (*notes, *_end_notes(coding.frame))
    scale = 1
    if min_size and not exact and module.samples == 1:
        scale = _fitting_scale(coding.syntax, module, coding.header, min_size)
    values = _decode_coded(coding.frame, coding.header, module, decoder, scale)
    return _finish(values, dataset, module, path, notes, scale=scale)


def _frame_notes(module: PixelModule) -> tuple[Note, ...]:
    if module.frames == 1:
        return ()
    text = f"multi-frame image: the first of {module.frames} frames is used"
    return (Note("multi_frame", text),)


def _decode_coded(
    frame: bytes, header: Header, module: PixelModule, decoder: Decoder, scale: int
) -> npt.NDArray[Any]:
    if scale == 1:
        return decode_frame(decoder, module, frame)
    is_jpeg = JPEGBaseline8Bit == decoder.UID
    return reduced_jpeg(frame, scale) if is_jpeg else reduced_j2k(frame, header, scale)


def _decode_native(
    dataset: Dataset, module: PixelModule, decoder: Decoder, path: Path
) -> npt.NDArray[Any]:
    if "PixelData" not in dataset:
        return decoder.as_array(dataset, index=0)[0]
    syntax, is_whole_words = decoder.UID, module.allocated in (8, 16, 32)
    if module.samples == 1 and syntax != ExplicitVRBigEndian and is_whole_words:
        return _view(dataset.PixelData, module, path)
    options = pixel_options(module)
    if module.samples == 1:
        options["correct_unused_bits"] = False
    values, _ = decoder.as_array(dataset, index=0, **options)
    # OpenCV takes no foreign byte order.
    return np.asarray(values.astype(values.dtype.newbyteorder("="), copy=False))


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


def _check_header(header: Header, path: Path) -> None:
    check_count(path, "tiles", header.tiles, MAX_TILES)
    check_count(path, "scans", header.scans, MAX_SCANS)


def _end_notes(frame: bytes) -> tuple[Note, ...]:
    """Say so if a JPEG or JPEG 2000 codestream lacks its end marker, which both spell FFD9."""
    if _END in frame[-_LONGEST_TAIL:]:
        return ()
    return (Note("cut_off", "the codestream has no end marker: the image may be cut off"),)


def _fitting_scale(syntax: UID, module: PixelModule, header: Header, min_size: int) -> int:
    # Values coded with the other sign wrap around, and means of wrapped values are nonsense.
    has_its_sign = header.signed == bool(module.representation)
    if syntax in J2K and header.precision <= 16 and has_its_sign:
        return wanted_scale(header, min_size, most=2 ** min(header.levels, 3))
    return wanted_scale(header, min_size, most=8) if syntax == JPEGBaseline8Bit else 1


def _finish(
    values: npt.NDArray[Any],
    dataset: Dataset,
    module: PixelModule,
    path: Path,
    notes: tuple[Note, ...],
    *,
    scale: int = 1,
    is_native: bool = False,
) -> Stored:
    if module.photometric in MONOCHROME:
        if scale == 1:  # means of neighbours would no longer tell a sign
            values, more = agreed(values, module, dataset, is_native=is_native)
            notes = (*notes, *more)
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
