"""What the pixels themselves say: inverted, without content, with text burned in.

Each is a plain rule with a stated error rate, good enough to send a person to look; none of them
changes a pixel. All take H×W float32 pixels in [0, 1] with air dark, as ``read_image`` returns them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medcnn.io.notes import KINDS, Note
from medcnn.io.reduction import subset

Pixels = npt.NDArray[np.float32]

LEAST_CHARACTERS = 5
"""So many characters in a row are text; side markers (``L``, ``R``, ``AP``) have fewer."""

LEAST_SIDE = 64
"""Fewer pixels on a side show too little to be judged."""

_SIDE = 64
_MARGIN = 0.02
_CLEAR = 0.05
_LIKE = 0.2
_EVEN_MARGIN, _EVEN_SHARE = 0.1, 0.85
_LONGEST = 1024
_HEIGHTS = (7, 48)
_STROKE = 15
_CONTRAST = 0.3
_MOST_COMPONENTS = 5000


def thumbnail(pixels: npt.NDArray[Any]) -> Pixels:
    """Return an image as 64×64, made of a regular subset of its pixels: enough for these rules.

    Args:
        pixels: H×W in [0, 1], or uint8.
    """
    some = subset(pixels).astype(np.float32)
    if pixels.dtype == np.uint8:
        some /= 255
    return np.asarray(cv2.resize(some, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)


def content_notes(pixels: npt.NDArray[Any], *, is_chest: bool) -> Iterator[Note]:
    """Yield what the pixels say against an image that shows a chest as it should.

    Args:
        pixels: H×W in [0, 1], or uint8.
        is_chest: Whether nothing speaks against a frontal chest radiograph.
    """
    small = thumbnail(pixels)
    if is_blank(small):
        yield Note("blank", "hardly anything to be seen")
        return
    if is_even(small):
        yield Note("mask", KINDS["mask"].sentence)
        return
    if is_dark(small):
        yield Note("dark", "dark: next to no pixel is brighter than 30 % of the range")
    if is_chest and _is_surely_inverted(small):
        yield Note("inverted", KINDS["inverted"].sentence)


def _is_surely_inverted(small: Pixels) -> bool:
    """Return whether two signs of three agree: 91 % of inverted radiographs, 1 % of random blobs."""
    if looks_inverted(small, surely=True):
        return True
    return shows_bright_air(small) and _is_darker_throughout(small)


def shows_bright_air(small: Pixels) -> bool:
    """Return whether a frontal chest X-ray is shown with air bright, on two grounds at once.

    The mediastinum is darker than either lung, and the air beside the patient or above the shoulders
    is brighter than the chest. Of the 5,216 images of chest_xray/train and the 5,232 of PneumoniaMNIST
    (the same children at 28 pixels) none is called so as it is; 98.7% and 96.0% are when inverted.

    Args:
        small: A ``thumbnail``.
    """
    middle = small[16:48, 28:36].mean()
    lungs = min(small[16:48, 12:24].mean(), small[16:48, 40:52].mean())
    if middle - lungs >= -_MARGIN:
        return False
    corners = np.median(np.concatenate([small[:8, :6], small[:8, -6:]]))
    sides = np.median(np.concatenate([small[:, :3], small[:, -3:]]))
    return bool(max(corners, sides) > np.median(small[16:48, 16:48]))


def looks_inverted(pixels: Pixels, *, surely: bool = False) -> bool:
    """Return whether a frontal chest X-ray seems to be shown with air bright.

    The mediastinum is brighter than the lungs beside it, so the mean of the middle column falls
    below that of the lung fields only where black and white are exchanged. On the 5,216 frontal
    images of the chest_xray training set the rule calls no image inverted as they are, and all but
    three of them inverted when they are (the tests measure it again on a part).

    Args:
        pixels: The image, H×W.
        surely: Whether pictures that show no chest have to be told from it: the middle is darker than
            either lung in each third of their height, and the two sides mirror one another. So are
            88 % of inverted radiographs, and 0.3 % of random blobs.
    """
    small = np.asarray(cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)
    middle = small[16:48, 28:36].mean()
    lungs = (small[16:48, 12:24].mean() + small[16:48, 40:52].mean()) / 2
    if middle - lungs >= -_MARGIN:
        return False
    return not surely or (_is_darker_throughout(small) and _mirrors_itself(small))


def _is_darker_throughout(small: Pixels) -> bool:
    return all(
        small[top:bottom, 28:36].mean()
        < min(small[top:bottom, 12:24].mean(), small[top:bottom, 40:52].mean()) - _CLEAR
        for top, bottom in ((16, 26), (26, 35), (35, 44))
    )


def _mirrors_itself(small: Pixels) -> bool:
    left, right = small[12:52, 8:30], small[12:52, 34:56][:, ::-1]
    return bool(np.corrcoef(left.ravel(), right.ravel())[0, 1] > _LIKE)


def is_dark(pixels: Pixels) -> bool:
    """Return whether next to no pixel is brighter than 30 % of the range, and there is something.

    So are 14 or 12 bits kept in 16.
    """
    low, high = np.percentile(pixels, [1, 99.5])
    return bool(high < 0.3 and high - low >= 0.02)


def is_blank(pixels: Pixels) -> bool:
    """Return whether hardly anything is to be seen: 98% of the pixels within 2% of the range."""
    low, high = np.percentile(pixels, [1, 99])
    return bool(high - low < 0.02)


def is_even(pixels: npt.NDArray[np.number[Any]]) -> bool:
    """Return whether an image is made of two even areas, as masks are, however blurred their edges.

    85 % of its values are within a tenth of the range from the lowest or the highest; of 250
    radiographs of chest_xray no more than 46 % are, of 2,000 of PneumoniaMNIST 65 %.
    """
    values = pixels.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    margin = _EVEN_MARGIN * (high - low)
    return bool(((values - low <= margin) | (high - values <= margin)).mean() >= _EVEN_SHARE)


def longest_text(pixels: Pixels) -> int:
    """Return the number of characters in the longest row of text that seems to be burned in.

    Bright or dark strokes thinner than ``_STROKE`` pixels that stand out sharply, 7 to 48 pixels
    high on an image of at most 1024 pixels, count as characters; those of one height, on one line
    and close together as a row. Smaller or slanted writing is not found.
    """
    longest = max(pixels.shape)
    if longest > _LONGEST:
        scale = _LONGEST / longest
        size = tuple(max(round(side * scale), 1) for side in reversed(pixels.shape))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)
    kernel = np.ones((_STROKE, _STROKE), np.uint8)
    operations = (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)
    return max(
        _longest_row(_characters(cv2.morphologyEx(pixels, operation, kernel) > _CONTRAST))
        for operation in operations
    )


@dataclass(frozen=True)
class _Character:
    left: float
    right: float
    middle: float
    height: float


def _characters(mask: npt.NDArray[np.bool_]) -> list[_Character]:
    count, _, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count > _MOST_COMPONENTS:  # noise, not writing
        return []
    return [_character(box) for box in boxes[1:] if _is_character(box)]


def _is_character(box: npt.NDArray[Any]) -> bool:
    _, _, width, height, area = (int(number) for number in box)
    low, high = _HEIGHTS
    return low <= height <= high and width <= 1.5 * height and 0.12 * width * height <= area


def _character(box: npt.NDArray[Any]) -> _Character:
    left, top, width, height, _ = (float(number) for number in box)
    return _Character(left, left + width, top + height / 2, height)


def _longest_row(characters: list[_Character]) -> int:
    """Return the length of the longest chain of neighbours, left to right."""
    ordered = sorted(characters, key=lambda character: character.left)
    lengths: list[int] = []
    for index, current in enumerate(ordered):
        before = [
            lengths[other] for other in range(index) if _are_neighbours(ordered[other], current)
        ]
        lengths.append(1 + max(before, default=0))
    return max(lengths, default=0)


def _are_neighbours(left: _Character, right: _Character) -> bool:
    height = max(left.height, right.height)
    return (
        min(left.height, right.height) >= 0.6 * height
        and abs(left.middle - right.middle) <= 0.3 * height
        and -0.2 * height <= right.left - left.right <= 1.2 * height
    )
