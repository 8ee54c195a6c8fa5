"""Decoding at reduced resolution: wavelet levels of JPEG 2000, DCT scaling of JPEG."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage

from medcnn.io.codestream import Header

SCALES = (8, 4, 2)


def wanted_scale(header: Header, min_size: int, *, most: int) -> int:
    """Return the largest of 8, 4, 2, 1 up to ``most`` that leaves both sides >= ``min_size``."""
    smallest = min(header.rows, header.columns)
    fitting = (scale for scale in SCALES if scale <= most and smallest // scale >= min_size)
    return next(fitting, 1)


def reduced_j2k(frame: bytes, header: Header, scale: int) -> npt.NDArray[Any]:
    """Return a grey JPEG 2000 or HTJ2K frame decoded without its finest wavelet levels.

    Pillow keeps the values left-aligned in 8 or 16 bits and without a sign; both are undone.
    """
    with PilImage.open(io.BytesIO(frame), formats=("JPEG2000",)) as image:
        # Pillow's plug-in has a property of this name, which its base class types as a method.
        setattr(image, "reduce", scale.bit_length() - 1)  # noqa: B010
        pixels = np.asarray(image)
    values = np.asarray(pixels >> (8 * pixels.dtype.itemsize - header.precision))
    if not header.signed:
        return values
    return (values.astype(np.int32) - (1 << (header.precision - 1))).astype(np.int16)


def reduced_jpeg(frame: bytes, scale: int) -> npt.NDArray[Any]:
    """Return a grey 8-bit JPEG frame decoded by a scaled inverse DCT."""
    with PilImage.open(io.BytesIO(frame), formats=("JPEG",)) as image:
        # Pillow takes the largest scale that leaves at least this size, which rounding up would halve.
        image.draft("L", (image.width // scale, image.height // scale))
        return np.asarray(image.convert("L"))
