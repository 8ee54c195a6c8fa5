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

from medcnn.explanations.letters import FONTS, drawn, find_letters

Pixels = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

DETAIL = 200
"""Pixels a side that a file has to have for a marker to be told from other bright lines."""
LETTER_HEIGHT = 0.06
"""Of a letter that is burnt in, in sides of the image."""
_MARGIN = 0.2


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
    """Return the boxes of burned-in side markers, H×W; all False where none can be found.

    A fifth of the letter's height is added around it.
    """
    found = np.zeros(pixels_HW.shape, bool)
    if min(pixels_HW.shape) < DETAIL:
        return found
    for letter in find_letters(pixels_HW):
        left, top, wide, high = letter.box
        margin = max(round(_MARGIN * high), 2)
        rows = slice(max(top - margin, 0), top + high + margin + 1)
        found[rows, max(left - margin, 0) : left + wide + margin + 1] = True
    return found


def paint_over(pixels_HW: Pixels, mask_HW: Mask, size: int) -> Changed:
    """Return the change that fills the mask in from around it (Telea 2004)."""
    grey = np.clip(pixels_HW * 255 + 0.5, 0, 255).astype(np.uint8)
    filled = cv2.inpaint(grey, mask_HW.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    without = np.where(mask_HW, filled.astype(np.float32) / 255, pixels_HW)
    return _reduced(without - pixels_HW, mask_HW, size)


def burn_in(pixels_HW: Pixels, letter: str, size: int) -> Changed:
    """Return the change that burns a letter in: R at the left edge, L at the right."""
    height, width = pixels_HW.shape
    lead = drawn(letter, FONTS[0], max(round(LETTER_HEIGHT * min(height, width)), 3))
    high, wide = lead.shape
    top = round(0.14 * height)
    left = round(0.07 * width) if letter == "R" else round(0.93 * width) - wide
    share = np.zeros((height, width), np.float32)
    share[top : top + high, left : left + wide] = lead
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
