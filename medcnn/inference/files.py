"""Files that no manifest names: a file or a folder, read one by one for prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medcnn.errors import DataError, ImageError
from medcnn.io import Facts, read_image_resized

SUFFIXES = {".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ""}


@dataclass(frozen=True)
class Reading:
    """One file: its pixels and facts, or the error that it ended in."""

    path: Path
    pixels: npt.NDArray[np.uint8] | None
    facts: Facts | None
    error: ImageError | None


def find_images(path: Path) -> list[Path]:
    """Return the image files at ``path``, recursively and sorted; hidden files are left out.

    Raises:
        DataError: If nothing is there.
    """
    if path.is_file():
        return [path]
    found = sorted(
        entry
        for entry in path.rglob("*")
        if entry.suffix.lower() in SUFFIXES and entry.is_file() and not entry.name.startswith(".")
    )
    if not found:
        raise DataError(
            f"There are no images in {path}.",
            expected="a file, or a folder with DICOM, PNG, JPEG, TIFF or BMP files",
            found="no such folder" if not path.exists() else "none of these",
            remedy="check input=",
        )
    return found


def read_files(paths: Sequence[Path], size: int, *, exact: bool) -> Iterator[Reading]:
    """Yield each file as ``size``×``size`` pixels, or with the reason why it cannot be read."""
    for path in paths:
        try:
            pixels, facts = read_image_resized(path, size, exact=exact)
        except ImageError as error:
            yield Reading(path, None, None, error)
        else:
            yield Reading(path, pixels, facts, None)
