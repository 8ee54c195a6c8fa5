"""PNG, JPEG, TIFF and BMP files as grey pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as PilImage
from PIL import ImageOps

from medcnn.errors import ImageError
from medcnn.io.facts import Facts, Image


def read_raster(path: Path, *, min_size: int | None = None, exact: bool = True) -> Image:
    """Return the grey pixels of a raster file.

    Raises:
        ImageError: If the file does not end as pixels.
    """
    try:
        with PilImage.open(path) as opened:
            kind = (opened.format or "").lower()
            opened = ImageOps.exif_transpose(opened)
            wide = opened.mode.startswith("I")
            pixels = np.asarray(opened if wide else opened.convert("L"), np.float32)
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(path, "cannot be decoded", kind="corrupt", found=str(error)) from error
    bits = 16 if wide else 8
    pixels /= float(2**bits - 1)
    return Image(pixels, Facts(kind, pixels.shape[0], pixels.shape[1], bits, "MONOCHROME2"))
