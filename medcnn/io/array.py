"""Images inside of NumPy archives, named ``FILE.npz#train_images/12``.

An archive's array is read once and kept (the four last used, for each process); archives of up to
``MAX_ARRAY_BYTES`` an array are read.
"""

from __future__ import annotations

import functools
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medcnn.errors import ImageError, nearest
from medcnn.files.arrays import ARCHIVE_ERRORS
from medcnn.io.facts import Facts, Image
from medcnn.io.reduction import resize_area, to_uint8

MAX_ARRAY_BYTES = 8 * 2**30
"""The largest array that is read from an archive."""

_SUFFIX = ".npz"


def split_fragment(path: str) -> tuple[str, str]:
    """Return the file and the fragment of a path such as ``FILE.npz#train_images/12``.

    >>> split_fragment("a.npz#train_images/12")
    ('a.npz', 'train_images/12')
    >>> split_fragment("a#b.png")
    ('a#b.png', '')
    """
    file, _, fragment = path.rpartition("#")
    return (file, fragment) if "/" in fragment and file.endswith(_SUFFIX) else (path, "")


def read_array(path: str) -> Image:
    """Return one image of an archive: H×W or H×W×3, uint8, uint16, or float in [0, 1].

    Raises:
        ImageError: If there is no such archive, array or image.
    """
    file, fragment = split_fragment(path)
    key, _, number = fragment.rpartition("/")
    stack = _stack(path, Path(file), key)
    if not number.isdecimal() or int(number) >= len(stack):
        raise ImageError(
            path,
            "names no image of the array",
            kind="not_an_image",
            expected=f"{key}/0 to {key}/{len(stack) - 1}",
            found=fragment,
        )
    stored = stack[int(number)]
    if stored.ndim not in (2, 3) or (stored.ndim == 3 and stored.shape[2] != 3):
        raise _unsupported(path, f"shape {stored.shape}")
    pixels = _unit(path, stored)
    if pixels.ndim == 3:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)
    facts = Facts(
        kind="array",
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        bits=8 * stored.dtype.itemsize,
        photometric="MONOCHROME2" if stored.ndim == 2 else "RGB",
        window="full range",
    )
    return Image(pixels, facts)


def read_array_resized(path: str, size: int) -> tuple[npt.NDArray[np.uint8], Facts]:
    """Return one image of an archive as ``size``×``size`` uint8, and its facts.

    Raises:
        ImageError: If there is no such archive, array or image.
    """
    image = read_array(path)
    return to_uint8(resize_area(image.pixels, size)), image.facts


def _unit(path: str, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    if stored.dtype in (np.uint8, np.uint16):
        return np.asarray(stored.astype(np.float32) / np.float32(np.iinfo(stored.dtype).max))
    if stored.dtype.kind == "f" and stored.size and stored.min() >= 0 and stored.max() <= 1:
        return stored.astype(np.float32)
    raise _unsupported(path, f"{stored.dtype} values")


def _stack(path: str, file: Path, key: str) -> npt.NDArray[Any]:
    try:
        status = file.stat()
        return _load(file, key, status.st_mtime_ns)
    except FileNotFoundError as error:
        raise ImageError(path, "there is no such file", kind="not_an_image") from error
    except KeyError as error:
        names = list(error.args[1]) if len(error.args) > 1 else []
        guess = nearest(key, names)
        raise ImageError(
            path,
            f"the archive has no array {key!r}",
            kind="not_an_image",
            expected=", ".join(names),
            found=repr(key),
            remedy=f"did you mean {guess!r}?" if guess else "",
        ) from error
    except ARCHIVE_ERRORS as error:
        raise ImageError(
            path,
            "is not a readable archive of arrays",
            kind="corrupt",
            expected="a file of numpy.savez",
            found=type(error).__name__,
            remedy="download or write it again",
        ) from error


@functools.lru_cache(maxsize=4)
def _load(file: Path, key: str, _modified_ns: int) -> npt.NDArray[Any]:
    with zipfile.ZipFile(file) as archive:
        sizes = {info.filename.removesuffix(".npy"): info.file_size for info in archive.infolist()}
    if key not in sizes:
        raise KeyError(key, sorted(sizes))
    if sizes[key] > MAX_ARRAY_BYTES:
        raise ValueError("array too large")
    with np.load(file, allow_pickle=False) as content:
        array = np.asarray(content[key])
    if array.ndim < 3:
        raise ValueError("not a stack of images")
    return array


def _unsupported(path: str, found: str) -> ImageError:
    return ImageError(
        path,
        "is not a grey or RGB image",
        kind="unsupported",
        expected="H×W or H×W×3 of uint8, uint16, or float in [0, 1]",
        found=found,
    )
