"""Whether heat lies on the finding, where a mask says where the finding is.

Dimensions: N images of H×W pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Heat = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

TOLERANCE = 15 / 224
"""How far beside the finding the hottest pixel may lie, in sides of the image: the 15 pixels of
Zhang et al. on images of 224."""


def points_at(heat_NHW: Heat, near_NHW: Mask) -> Mask:
    """Return whether the hottest pixel lies on the finding, N: the pointing game.

    Zhang et al.: Top-down neural attention by excitation backprop, IJCV 126 (2018), section 4.2. An
    image without any heat points nowhere, and so beside it.

    Args:
        heat_NHW: Not negative.
        near_NHW: The finding with the tolerance around it, as ``widened`` returns it.
    """
    flat = heat_NHW.reshape(len(heat_NHW), -1)
    hottest = flat.argmax(1)[:, None]
    hit: Mask = np.take_along_axis(near_NHW.reshape(len(flat), -1), hottest, 1)[:, 0]
    return np.asarray(hit & (flat.max(1) > 0))


def mass_inside(heat_NHW: Heat, mask_NHW: Mask) -> Floats:
    """Return the share of the heat that lies in the mask, N; 0 for an image without any heat.

    Wang et al.: Score-CAM, CVPR workshops 2020, section 4.3 (the energy-based pointing game).
    """
    total = heat_NHW.sum((1, 2), dtype=np.float64)
    inside = np.where(mask_NHW, heat_NHW, 0).sum((1, 2), dtype=np.float64)
    share = np.divide(inside, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(share, np.float64)


def area(mask_NHW: Mask) -> Floats:
    """Return the share of the image that the mask covers, N: what either measure has by chance."""
    return np.asarray(mask_NHW.mean((1, 2)), np.float64)


def widened(mask_NHW: Mask, tolerance: float = TOLERANCE) -> Mask:
    """Return the masks with everything within ``tolerance`` sides of the image around them."""
    radius = round(tolerance * min(mask_NHW.shape[1:]))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    wide = [cv2.dilate(mask.astype(np.uint8), disk) > 0 for mask in mask_NHW]
    return np.stack(wide) if wide else mask_NHW


def read_mask(path: str, size: int) -> Mask:
    """Return a mask file at size×size; every value above 0 is the finding.

    A pixel is part of the finding where half of it is covered, or any part of it where the finding
    would vanish otherwise.

    Raises:
        OSError: If the file is not an image.
    """
    stored = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    if stored is None:
        raise OSError(f"{path} is not an image")
    found = (stored > 0).astype(np.float32)
    found = found if found.ndim == 2 else found.max(2)
    share = cv2.resize(found, (size, size), interpolation=cv2.INTER_AREA)
    mask: Mask = share >= 0.5
    return mask if mask.any() else share > 0
