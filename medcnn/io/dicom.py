"""DICOM files as grey pixels and facts (PS3.3 C.7.6.3, C.11.1 and C.11.2)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from medcnn.errors import ImageError
from medcnn.io.appearance import LEAST_SIDE
from medcnn.io.bounded import MAX_READS, TooManyReads
from medcnn.io.decoding import Stored, decode
from medcnn.io.dicom_file import open_file, quiet_pydicom
from medcnn.io.facts import MAX_PIXELS, Facts, Image, broken, not_an_image
from medcnn.io.greyscale import GreyScale, choose_greyscale
from medcnn.io.header import header_facts
from medcnn.io.notes import Note
from medcnn.io.padding import padding_range
from medcnn.io.polarity import with_polarity
from medcnn.io.reduction import resize_area, resize_area_stepwise, subset, to_uint8
from medcnn.io.words import is_frontal_chest

_LEAST_INTEGER_WIDTH = 200
_INTACT = "an intact DICOM image"


def read_dicom(
    path: Path, *, min_size: int | None = None, exact: bool = True, max_pixels: int = MAX_PIXELS
) -> Image:
    """Return the grey pixels and facts of a DICOM file.

    Args:
        path: The file.
        min_size: The least height and width that a reduced decoding may leave.
        exact: Whether decoding at reduced resolution is forbidden.
        max_pixels: The most rows × columns to decode.

    Raises:
        ImageError: If the file does not end as pixels.
    """
    with typed_errors(path):
        dataset, stored = _load(path, min_size, exact, max_pixels)
        header = header_facts(dataset)
        pixels, description, notes = _render(dataset, stored, header)
        return Image(pixels, _facts(header, stored, description, notes))


def read_dicom_resized(
    path: Path, size: int, *, exact: bool, max_pixels: int = MAX_PIXELS
) -> tuple[npt.NDArray[np.uint8], Facts]:
    """Return the image as ``size``×``size`` uint8 and its facts.

    With ``exact=False`` and an affine grey scale the stored integers are reduced first and windowed
    after. Only clipping does not commute with averaging: where a block holds values outside of the
    window, the result differs by at most the mean distance of the block's values from the window,
    in units of its width (clipping is 1-Lipschitz and keeps a mean of clipped values).

    Raises:
        ImageError: If the file does not end as pixels.
    """
    with typed_errors(path):
        dataset, stored = _load(path, None if exact else size, exact, max_pixels)
        header = header_facts(dataset)
        if exact or stored.is_colour:
            return _resize_last(dataset, stored, header, size)
        greyscale = _greyscale(dataset, stored, header, subset(stored.values))
        affine = greyscale.affine
        is_enlarged = min(stored.values.shape) < size
        if affine is None or is_enlarged or _has_padding(dataset, stored):
            return _resize_last(dataset, stored, header, size)
        # Integer means round by half a unit, which only a wide window hides.
        is_wide = abs(affine[0]) * _LEAST_INTEGER_WIDTH <= 1
        source = stored.values if is_wide else stored.values.astype(np.float32)
        small = to_uint8(resize_area_stepwise(source, size), *affine)
        return small, _facts(header, stored, greyscale.description, greyscale.notes)


def read_facts(path: Path) -> tuple[Dataset, Facts]:
    """Return the header of a DICOM file and its facts, without decoding anything.

    Raises:
        ImageError: If the file is no file, or not DICOM.
    """
    with typed_errors(path):
        # Opening a pipe would wait for its other end.
        if not path.is_file():
            raise InvalidDicomError("no regular file")
        dataset = open_file(path, stop_before_pixels=True).dataset
        return dataset, header_facts(dataset)


@contextlib.contextmanager
def typed_errors(path: Path) -> Iterator[None]:
    """Turn whatever a parser or decoder raises on a broken file into one typed error."""
    try:
        with quiet_pydicom():
            yield
    except ImageError:
        raise
    except InvalidDicomError as error:
        raise not_an_image(path, "is not a DICOM file") from error
    except TooManyReads as error:
        raise ImageError(
            path,
            "has more data elements than medcnn reads",
            kind="too_large",
            expected=f"at most {MAX_READS:,} elements and fragments",
            remedy="check the file: a chest X-ray has some hundreds",
        ) from error
    except EOFError as error:
        raise broken(path, _INTACT) from error
    except Exception as error:
        # pydicom and its plug-ins raise nearly every built-in exception on corrupt input.
        # Only the type: the texts of pydicom's errors quote values of tags (PHI).
        found = "" if _is_truncated(str(error)) else type(error).__name__
        raise broken(path, _INTACT, found) from error


def _is_truncated(text: str) -> bool:
    signs = (
        "truncated",
        "less than expected",
        "less than the expected",
        "insufficient",
        "unexpected end",
        "out of data",
    )
    return any(sign in text.lower() for sign in signs)


def _load(path: Path, min_size: int | None, exact: bool, max_pixels: int) -> tuple[Dataset, Stored]:
    opened = open_file(path)
    dataset = opened.dataset
    stored = decode(dataset, path, min_size=min_size, exact=exact, max_pixels=max_pixels)
    if stored.scale > 1 and _has_padding(dataset, stored):
        # Where padding meets the image, reduced values are neither, and would frame it in white.
        stored = decode(dataset, path, min_size=None, exact=True, max_pixels=max_pixels)
    if opened.notes:
        stored = replace(stored, notes=(*opened.notes, *stored.notes))
    return dataset, stored


def _render(
    dataset: Dataset, stored: Stored, header: Facts
) -> tuple[npt.NDArray[np.float32], str, tuple[Note, ...]]:
    if stored.is_colour:
        pixels = stored.values.astype(np.float32) / np.float32(stored.top)
        return np.minimum(pixels, 1), f"full range 0 to {stored.top:g}", ()
    greyscale = _greyscale(dataset, stored, header)
    return greyscale(stored.values), greyscale.description, greyscale.notes


def _greyscale(
    dataset: Dataset, stored: Stored, header: Facts, values: npt.NDArray[np.generic] | None = None
) -> GreyScale:
    """Return the transformation, with the polarity that the chest itself shows."""
    chosen = choose_greyscale(dataset, stored.values if values is None else values)
    is_large = min(stored.values.shape) >= LEAST_SIDE
    if is_large and is_frontal_chest(header):
        return with_polarity(chosen, dataset, subset(stored.values))
    return chosen


def _resize_last(
    dataset: Dataset, stored: Stored, header: Facts, size: int
) -> tuple[npt.NDArray[np.uint8], Facts]:
    pixels, description, notes = _render(dataset, stored, header)
    return to_uint8(resize_area(pixels, size)), _facts(header, stored, description, notes)


def _has_padding(dataset: Dataset, stored: Stored) -> bool:
    if stored.is_colour:
        return False
    padding, _ = padding_range(dataset, stored.values)
    if padding is None:
        return False
    return bool(cv2.hasNonZero(cv2.inRange(stored.values, *padding)))


def _facts(header: Facts, stored: Stored, window: str, notes: tuple[Note, ...]) -> Facts:
    every = tuple(dict.fromkeys((*stored.notes, *notes, *header.notes)))
    return replace(header, window=window, decoded_scale=stored.scale, notes=every)
