"""PNG, JPEG, TIFF and BMP files as grey pixels.

Colour becomes luminance (ITU-R BT.601); 16-bit images are divided by 65535, others by 255.
Transparency is ignored, the EXIF orientation is applied.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage
from PIL import ImageOps, UnidentifiedImageError

from medcnn.errors import ImageError
from medcnn.io.codestream import count_scans
from medcnn.io.facts import (
    MAX_PIXELS,
    MAX_SCANS,
    Facts,
    Image,
    broken,
    check_count,
    check_size,
    not_an_image,
)
from medcnn.io.notes import Note
from medcnn.io.reduced import SCALES
from medcnn.io.reduction import resize_area, resize_area_stepwise, to_uint8

FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
_TIFF_PHOTOMETRIC = 262
_ORIENTATION = 274
_ARITHMETIC = (b"\xff\xc9", b"\xff\xca")
"""Start of frame of a JPEG in arithmetic code; coded data never hold it (T.81 B.1.1.5)."""


def read_raster(
    path: Path, *, min_size: int | None = None, exact: bool = True, max_pixels: int = MAX_PIXELS
) -> Image:
    """Return the grey pixels and facts of a raster file.

    Args:
        path: The file.
        min_size: The least height and width that a reduced decoding may leave.
        exact: Whether decoding at reduced resolution is forbidden.
        max_pixels: The most rows × columns to decode.

    Raises:
        ImageError: If the file does not end as pixels.
    """
    stored, facts = _decode(path, None if exact else min_size, max_pixels)
    return Image(stored.astype(np.float32) / np.float32(np.iinfo(stored.dtype).max), facts)


def read_raster_resized(
    path: Path, size: int, *, exact: bool, max_pixels: int = MAX_PIXELS
) -> tuple[npt.NDArray[np.uint8], Facts]:
    """Return the image as ``size``×``size`` uint8 and its facts.

    Raises:
        ImageError: If the file does not end as pixels.
    """
    stored, facts = _decode(path, None if exact else size, max_pixels)
    small = (resize_area if exact else resize_area_stepwise)(stored, size)
    return to_uint8(small / np.float32(np.iinfo(stored.dtype).max)), facts


def _decode(path: Path, min_size: int | None, max_pixels: int) -> tuple[npt.NDArray[Any], Facts]:
    with _typed_errors(path), PilImage.open(path, formats=FORMATS) as image:
        rows, columns = image.height, image.width
        check_size(path, rows, columns, max_pixels)
        kind, mode = str(image.format).lower(), image.mode
        notes = _notes(image)
        if kind == "jpeg":
            _check_jpeg(path, image)
        scale = _reduce_jpeg(image, min_size) if kind == "jpeg" and min_size else 1
        white_is_zero = _is_white_zero(image)
        if _swaps_sides(image):
            rows, columns = columns, rows
        ImageOps.exif_transpose(image, in_place=True)  # a copy of a large one fills the memory
        stored = _grey(image, path)
        if white_is_zero and stored.dtype == np.uint16:
            stored = np.uint16(65535) - stored
    facts = Facts(
        kind=kind,
        rows=rows,
        columns=columns,
        bits=1 if mode == "1" else 8 * stored.dtype.itemsize,
        photometric=_photometric(mode),
        window=f"full range 0 to {np.iinfo(stored.dtype).max}",
        notes=notes,
        decoded_scale=scale,
    )
    if stored.dtype == np.uint16 and stored.max() < 4096:
        note = Note("dark", "16-bit file whose values stay below 4096: the image is dark")
        facts = replace(facts, notes=(*notes, note))
    return stored, facts


def _check_jpeg(path: Path, image: PilImage.Image) -> None:
    """Check what decoding a JPEG would cost before anything is decoded.

    Where data are missing, a decoder fills in grey: a header of some bytes that claims ``MAX_PIXELS``
    costs a gigabyte. The first coefficient of each block of 8×8 pixels takes one bit at least in
    Huffman's code (T.81 F.1.2.1), and almost none in arithmetic code.

    Raises:
        ImageError: ``too_large`` or ``truncated``.
    """
    content = path.read_bytes()
    # A decoder goes through every scan of these, however short it is.
    if image.info.get("progressive") or image.mode != "L":
        check_count(path, "scans", count_scans(content), MAX_SCANS)
    blocks = -(-image.height // 8) * -(-image.width // 8)
    if 8 * len(content) < blocks and not any(mark in content for mark in _ARITHMETIC):
        raise ImageError(
            path,
            "ends too early",
            kind="truncated",
            expected=f"{image.height}×{image.width} pixels, in {blocks // 8:,} bytes or more",
            found=f"{len(content):,} bytes",
            remedy="export or copy the file again",
        )


def _grey(image: PilImage.Image, path: Path) -> npt.NDArray[Any]:
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode == "I":
        wide = np.asarray(image)
        if wide.min() < 0 or wide.max() > 65535:
            raise _unsupported(path, "32-bit samples")
        return wide.astype(np.uint16)
    if image.mode == "F":
        raise _unsupported(path, "floating-point samples")
    if image.mode in ("P", "PA"):
        image = image.convert("RGB")
    return np.asarray(image.convert("L"))


def _reduce_jpeg(image: PilImage.Image, min_size: int) -> int:
    smallest = min(image.size)
    scale = next((scale for scale in SCALES if smallest // scale >= min_size), 1)
    if scale > 1:
        image.draft("L", (image.width // scale, image.height // scale))
    return scale


def _is_white_zero(image: PilImage.Image) -> bool:
    # Pillow turns WhiteIsZero round for up to 8 bits only.
    tags = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(_TIFF_PHOTOMETRIC) == 0


def _swaps_sides(image: PilImage.Image) -> bool:
    return image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)


def _photometric(mode: str) -> str:
    if mode in ("P", "PA"):
        return "PALETTE COLOR"
    return "MONOCHROME2" if mode in ("1", "L", "LA", "I", "F") or mode[:2] == "I;" else "RGB"


def _notes(image: PilImage.Image) -> tuple[Note, ...]:
    notes = []
    if "A" in image.getbands():
        notes.append(Note("transparency", "transparency is ignored"))
    if getattr(image, "is_animated", False):
        text = f"the first of {getattr(image, 'n_frames', 1)} pages is used"
        notes.append(Note("multi_frame", text))
    return tuple(notes)


@contextlib.contextmanager
def _typed_errors(path: Path) -> Iterator[None]:
    """Turn whatever Pillow raises on a broken file into one typed error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise not_an_image(path) from error
    except PilImage.DecompressionBombError as error:
        raise ImageError(
            path,
            "is larger than medcnn decodes",
            kind="too_large",
            found=str(error),
            remedy="check the file",
        ) from error
    except Exception as error:
        # Pillow's plug-ins raise OSError, SyntaxError, struct.error and others on corrupt input.
        found = "" if "truncated" in str(error).lower() else type(error).__name__
        raise broken(path, "an intact image", found) from error


def _unsupported(path: Path, found: str) -> ImageError:
    return ImageError(
        path,
        "has samples of a kind that medcnn does not read",
        kind="unsupported",
        expected="1, 8 or 16 bits a sample",
        found=found,
        remedy="save it as 16-bit PNG",
    )
