"""The burned-in marker: where it is, the image without it, and the image with one more.

The side marker of a radiograph is lead: a small letter, as bright as anything in the image, in the
upper part beside the chest. Where it goes with the label, a network learns it instead of disease
(Zech et al., PLoS Medicine 15(11), 2018).

Dimensions: H×W pixels of the file, S×S of what the network sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

DETAIL = 200
"""Pixels a side that a file has to have for a marker to be told from other bright lines."""
ZONE = (0.45, 0.28)
"""Height and width of the two upper corners, as shares of the image, where markers lie."""
STROKE = 0.07
CONTRAST, BRIGHTNESS = 0.3, 0.8
SMALLEST, TALLEST = (0.025, 0.015), 0.15
LETTER_HEIGHT = 0.06


@dataclass(frozen=True)
class Changed:
    """What painting does to an image as the network sees it.

    Attributes:
        difference: To be added to the image, S×S.
        where: Which pixels it touches, S×S.
    """

    difference: Pixels
    where: Mask


def find_marker(pixels_HW: Pixels) -> Mask:
    """Return the pixels of burned-in markers, H×W; all False where none can be found.

    A marker is a component of thin, bright strokes (white top-hat) in an upper corner, from 2.5 %
    to 15 % of the image high, that does not reach its edge.
    """
    height, width = pixels_HW.shape
    side = min(height, width)
    if side < DETAIL:
        return np.zeros(pixels_HW.shape, bool)
    kernel = max(round(STROKE * side) | 1, 3)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (kernel, kernel))
    strokes = cv2.morphologyEx(pixels_HW, cv2.MORPH_TOPHAT, element) > CONTRAST
    strokes &= pixels_HW > BRIGHTNESS * np.quantile(pixels_HW, 0.998)
    low, across = int(ZONE[0] * height), int(ZONE[1] * width)
    strokes[low:] = False
    strokes[:, across : width - across] = False
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(strokes.astype(np.uint8))
    found = np.zeros(pixels_HW.shape, np.uint8)
    for component in range(1, count):
        left, top, wide, high, _ = boxes[component]
        inside = left > 0 and top > 0 and left + wide < width
        tall_enough = SMALLEST[0] * side <= high <= TALLEST * side
        if inside and tall_enough and SMALLEST[1] * side <= wide <= TALLEST * side:
            found[labels == component] = 1
    margin = 2 * max(round(0.008 * side), 1) + 1
    return cv2.dilate(found, np.ones((margin, margin), np.uint8)) > 0


def paint_over(pixels_HW: Pixels, mask_HW: Mask, size: int) -> Changed:
    """Return the change that fills the mask in from around it (Telea 2004)."""
    grey = np.clip(pixels_HW * 255 + 0.5, 0, 255).astype(np.uint8)
    filled = cv2.inpaint(grey, mask_HW.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    without = np.where(mask_HW, filled.astype(np.float32) / 255, pixels_HW)
    return _reduced(without - pixels_HW, mask_HW, size)


def burn_in(pixels_HW: Pixels, letter: str, size: int) -> Changed:
    """Return the change that burns a letter in: R at the left edge, L at the right."""
    height, width = pixels_HW.shape
    side = min(height, width)
    scale = LETTER_HEIGHT * side / 21  # the capitals of the font are 21 pixels high at scale 1
    thickness = max(round(1.8 * scale), 1)
    column = 0.07 * width if letter == "R" else 0.93 * width - 18 * scale
    canvas = np.zeros((height, width), np.uint8)
    place = (int(column), int(0.2 * height))
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(canvas, letter, place, font, scale, 255, thickness, cv2.LINE_AA)
    share = canvas.astype(np.float32) / 255
    return _reduced(share * (1 - pixels_HW), share > 0, size)


def _reduced(difference_HW: npt.NDArray[np.floating[Any]], mask_HW: Mask, size: int) -> Changed:
    # Reducing is linear: the reduced image plus the reduced change is the changed image, reduced.
    area = cv2.INTER_AREA
    small = cv2.resize(difference_HW.astype(np.float32), (size, size), interpolation=area)
    return Changed(np.asarray(small, np.float32), touched(mask_HW, size))


def touched(mask_HW: Mask, size: int) -> Mask:
    """Return the pixels of the reduced image that any part of the mask lies in, S×S."""
    share = cv2.resize(mask_HW.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(share > 0)
