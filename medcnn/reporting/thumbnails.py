"""Small pictures of cases, embedded in the page as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from medcnn.errors import MedcnnError

LARGE, SMALL = 224, 88  # pixels along the longer side: in the gallery, in the table
QUALITY = 72

PixelReader = Callable[[Path], npt.NDArray[np.float32]]


def read_pixels(path: Path) -> npt.NDArray[np.float32]:
    """Return the pixels of an image file, H×W in [0, 1]."""
    # Imported late: a report on bare predictions needs no DICOM library.
    from medcnn.io import read_image

    pixels: npt.NDArray[np.float32] = read_image(path).pixels
    return pixels


class Thumbnails:
    """Makes data URIs from image files and remembers which it could not make.

    Args:
        reader: Returns the pixels of a file, H×W in [0, 1].
    """

    def __init__(self, reader: PixelReader = read_pixels) -> None:
        self.reader = reader
        self.failures: dict[str, str] = {}
        self._large: dict[str, Image.Image] = {}

    def data_uri(self, path: str | None, size: int) -> str | None:
        """Return a JPEG of at most ``size`` pixels a side, or None where there is no such image."""
        if not path or path in self.failures:
            return None
        image = self._large.get(path) or self._read(path)
        if image is None:
            return None
        return jpeg_uri(image.copy(), size)

    def _read(self, path: str) -> Image.Image | None:
        try:
            pixels = self.reader(Path(path))
        except (MedcnnError, OSError) as error:
            self.failures[path] = str(error)
            return None
        grey = np.clip(np.asarray(pixels, dtype=np.float32) * 255.0 + 0.5, 0, 255).astype(np.uint8)
        image = Image.fromarray(grey)
        image.thumbnail((LARGE, LARGE), Image.Resampling.LANCZOS, reducing_gap=2.0)
        self._large[path] = image
        return image


def jpeg_uri(image: Image.Image, size: int, quality: int = QUALITY) -> str:
    """Return a picture, made as small as ``size`` pixels a side in place, as a JPEG in a data URI."""
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
