"""The way in: any readable file -> an image.

No image above ``max_pixels`` and no DICOM file above 512 MiB, inflated or not, is decoded; both are
checked before anything of that size is allocated. Reading takes at most 32 bytes for each pixel of
``max_pixels`` (3.2 GB at the default; a grey image takes a half of it), twice the file, and 256 MiB for
at most 16,384 tiles of JPEG 2000, on top of what Python itself takes. A file has at most 300,000
elements and fragments, a JPEG image at most 100 scans, and a JPEG-LS frame a process of its own with a
limit on its CPU time: whatever a file holds, it ends as pixels or as one ``ImageError``.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medcnn.errors import ImageError
from medcnn.io.appearance import LEAST_SIDE, content_notes
from medcnn.io.array import read_array, read_array_resized, split_fragment
from medcnn.io.dicom import read_dicom, read_dicom_resized
from medcnn.io.facts import MAX_PIXELS, Facts, Image, not_an_image
from medcnn.io.names import DICOM, is_dicom_name, type_of_bytes
from medcnn.io.raster import read_raster, read_raster_resized
from medcnn.io.words import is_frontal_chest

READER_VERSION = 1
"""Part of the key of cached images: raised whenever any file ends as other pixels or facts than before.

``tests/io/test_reader_version.py`` holds it to digests of what the conformance cases end as.
"""


def read_image(
    path: str | os.PathLike[str],
    *,
    min_size: int | None = None,
    exact: bool = True,
    max_pixels: int = MAX_PIXELS,
) -> Image:
    """Return the pixels and facts of a DICOM, PNG, JPEG, TIFF or BMP file.

    Args:
        path: The file, or ``FILE.npz#name/12`` for an image in an archive.
        min_size: The short edge that is needed.
        exact: Whether every pixel is decoded. With ``False`` JPEG 2000, HTJ2K and JPEG are decoded
            at 1/2, 1/4 or 1/8 of the resolution as long as both sides stay >= ``min_size``.
        max_pixels: The most rows × columns to decode.

    Raises:
        ImageError: If the file does not end as pixels.
    """
    name = os.fspath(path)
    if split_fragment(name)[1]:
        return read_array(name)
    file = Path(name)
    reader = read_dicom if _is_dicom(file) else read_raster
    image = reader(file, min_size=min_size, exact=exact, max_pixels=max_pixels)
    return Image(image.pixels, _with_content(image.facts, image.pixels))


def read_image_resized(
    path: str | os.PathLike[str], size: int, *, exact: bool, max_pixels: int = MAX_PIXELS
) -> tuple[npt.NDArray[np.uint8], Facts]:
    """Return the whole image as ``size``×``size`` uint8, and its facts.

    Both axes shrink by their own factor, as is usual for chest X-ray classifiers; ``facts`` keeps
    the original size, so that the aspect ratio is known.

    Args:
        path: The file, or ``FILE.npz#name/12`` for an image in an archive.
        size: The side in pixels.
        exact: Whether every step runs at full resolution and precision. With ``False`` the decoder
            may reduce, and an affine grey scale is applied after the reduction.
        max_pixels: The most rows × columns to decode.

    Raises:
        ImageError: If the file does not end as pixels.
    """
    name = os.fspath(path)
    if split_fragment(name)[1]:
        return read_array_resized(name, size)
    file = Path(name)
    reader = read_dicom_resized if _is_dicom(file) else read_raster_resized
    pixels, facts = reader(file, size, exact=exact, max_pixels=max_pixels)
    return pixels, _with_content(facts, pixels)


def _with_content(facts: Facts, pixels: npt.NDArray[np.float32] | npt.NDArray[np.uint8]) -> Facts:
    """Return the facts with what the pixels themselves say; a dark image is called so once."""
    if min(facts.rows, facts.columns) < LEAST_SIDE:
        return facts
    known = {note.kind for note in facts.notes}
    found = content_notes(pixels, is_chest=is_frontal_chest(facts))
    return replace(facts, notes=(*facts.notes, *(note for note in found if note.kind not in known)))


def _is_dicom(file: Path) -> bool:
    """Return whether a file is to be read as DICOM rather than as a raster image.

    Raises:
        ImageError: If it is neither or there is no such file.
    """
    head = _first_bytes(file)
    told = type_of_bytes(head)
    if told is not None and not told.is_read:
        raise _unread(file, told.name)
    if told is not None:
        return told is DICOM
    # Old files have no preamble, and are tried all the same.
    if is_dicom_name(file.name):
        return True
    raise not_an_image(file, found=f"a file that starts with {head[:4].hex(' ')}")


def _unread(file: Path, name: str) -> ImageError:
    return ImageError(
        file,
        f"is {name}, which medcnn does not read",
        kind="unsupported",
        expected="a DICOM, PNG, JPEG, TIFF or BMP file",
        found=name,
        remedy="convert it to PNG without loss, or leave it out of the folder",
    )


def _first_bytes(file: Path) -> bytes:
    """Return the preamble and prefix of a file, or less if it is shorter."""
    # Opening a pipe would wait for its other end.
    if file.exists() and not file.is_file():
        raise _unreadable(file, "is no file", "a folder or a device")
    try:
        with file.open("rb") as stream:
            head = stream.read(132)
    except OSError as error:
        problem = "cannot be opened" if file.exists() else "there is no such file"
        raise _unreadable(file, problem, error.strerror or type(error).__name__) from error
    if not head:
        raise _unreadable(file, "is empty", "0 bytes")
    return head


def _unreadable(file: Path, problem: str, found: str) -> ImageError:
    return ImageError(
        file,
        problem,
        kind="not_an_image",
        expected="a readable file",
        found=found,
        remedy="check the path, or copy the file again",
    )
