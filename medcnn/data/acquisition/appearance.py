"""What an image says of how it was made rather than of whom: N images as N rows of numbers.

Six kinds: the border, the grey levels, sharpness, noise, the size of the original, and the file.
Posture and disease move some of them too (an effusion is bright), which is why clusters are looked
for within each label.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.data.acquisition.files import file_numbers, size_numbers
from medcnn.data.cache.images import ImageCache

Floats = npt.NDArray[np.float64]
Picture = npt.NDArray[np.float32]

RING = 0.06
CORNER = 0.15
"""Width of the border and of the corners as parts of the image."""
LEVELS = (5, 25, 50, 75, 95)
"""Percentiles of the grey levels."""
_BLOCK = 256


def appearance(table: pd.DataFrame, cache: ImageCache) -> dict[str, Floats]:
    """Return N×D numbers of each kind.

    Args:
        table: The rows of a manifest, all of them readable.
        cache: Their pixels and facts.
    """
    at = cache.rows_of(table["image_id"].tolist())
    return _of_pixels(cache, at) | {
        "size": size_numbers(cache, at),
        "file": file_numbers(table["path"], cache, at),
    }


def _of_pixels(cache: ImageCache, at: npt.NDArray[np.int64]) -> dict[str, Floats]:
    rows: dict[str, list[list[float]]] = {
        "border": [],
        "grey levels": [],
        "sharpness": [],
        "noise": [],
    }
    for start in range(0, len(at), _BLOCK):
        images = cache.take(at[start : start + _BLOCK])
        scale = 255.0 / np.iinfo(images.dtype).max
        for image in images:
            picture = image.astype(np.float32) * scale
            rows["border"].append(_border(picture))
            rows["grey levels"].append(_levels(picture))
            rows["sharpness"].append(_sharpness(picture))
            rows["noise"].append([_noise(picture)])
    return {kind: np.asarray(values, np.float64) for kind, values in rows.items()}


def _border(picture: Picture) -> list[float]:
    """Return mean and spread of the four edges and of the four corners."""
    side = len(picture)
    ring, corner = max(round(RING * side), 1), max(round(CORNER * side), 2)
    ends = (slice(corner), slice(-corner, None))
    parts = [picture[:ring], picture[-ring:], picture[:, :ring], picture[:, -ring:]]
    parts += [picture[rows, columns] for rows in ends for columns in ends]
    return [float(value) for part in parts for value in (part.mean(), part.std())]


def _levels(picture: Picture) -> list[float]:
    """Return percentiles, what is black, what is white, and how many of 256 levels are in use."""
    levels = np.percentile(picture, LEVELS).tolist()
    used = len(np.unique(picture.astype(np.uint8)))
    return [*levels, float((picture <= 0).mean()), float((picture >= 255).mean()), float(used)]


def _sharpness(picture: Picture) -> list[float]:
    """Return the logarithms of the power in three octaves, each relative to the contrast."""
    contrast = float(picture.var()) + 1e-3
    found, finer = [], picture
    for sigma in (0.7, 1.4, 2.8):
        coarser = cv2.GaussianBlur(picture, (0, 0), sigma).astype(np.float32)
        found.append(float(np.log(((finer - coarser).var() + 1e-3) / contrast)))
        finer = coarser
    return found


_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def _noise(picture: Picture) -> float:
    """Return the logarithm of the noise's standard deviation (Immerkær, CVIU 64(2), 1996)."""
    rough = cv2.filter2D(picture, -1, _IMMERKAER)[1:-1, 1:-1]
    # The median, since edges of ribs and letters are few and large.
    return float(np.log(np.median(np.abs(rough)) / (6 * 0.6745) + 0.05))
