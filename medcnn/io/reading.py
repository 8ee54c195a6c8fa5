"""The way in: any readable file -> an image."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from medcnn.errors import ImageError
from medcnn.io.dicom import read_dicom
from medcnn.io.facts import Facts, Image
from medcnn.io.raster import read_raster


def read_image(
    path: str | os.PathLike[str], *, min_size: int | None = None, exact: bool = True
) -> Image:
    """Return the pixels and facts of a DICOM, PNG, JPEG, TIFF or BMP file, or of ``FILE.npz#name/12``.

    Raises:
        ImageError: If the file does not end as pixels.
    """
    name = os.fspath(path)
    if "#" in name and Path(name.split("#")[0]).suffix == ".npz":
        file, _, fragment = name.partition("#")
        key, _, index = fragment.rpartition("/")
        array = np.load(file)[key][int(index)]
        pixels = (array / np.iinfo(array.dtype).max).astype(np.float32)
        return Image(pixels, Facts("array", *pixels.shape, 8, "MONOCHROME2"))
    file_path = Path(name)
    if not file_path.is_file():
        raise ImageError(name, "there is no such file", kind="not_an_image")
    with file_path.open("rb") as stream:
        head = stream.read(132)
    if head[128:132] == b"DICM":
        return read_dicom(file_path, min_size=min_size, exact=exact)
    return read_raster(file_path, min_size=min_size, exact=exact)


def read_image_resized(
    path: str | os.PathLike[str], size: int, *, exact: bool
) -> tuple[npt.NDArray[np.uint8], Facts]:
    """Return the image as ``size``×``size`` uint8 (the whole image, anisotropic) and its facts."""
    image = read_image(path, min_size=size, exact=exact)
    small = cv2.resize(image.pixels, (size, size), interpolation=cv2.INTER_AREA)
    return np.round(small * 255).astype(np.uint8), replace(image.facts)
