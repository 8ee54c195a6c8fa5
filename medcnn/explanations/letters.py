"""Finding the letter of a side marker: normalised cross-correlation with drawn letters.

Bright, thin structures near the edge of a chest are ribs and lines as often as markers; what tells
a marker is that it is an L or an R. On the phantom and on published radiographs letters correlate by
0.7 or more with one of two fonts, and bones, electrodes and devices by less.

Dimensions: H×W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Pixels = npt.NDArray[np.float32]

LETTERS = ("L", "R")
FONTS = ("DejaVuSans-Bold.ttf", "DejaVuSerif.ttf")
WORK = 320
"""Pixels of the shorter edge at which letters are looked for."""
HEIGHTS = (7, 9, 12, 16, 21, 28)
WIDTHS = (0.75, 1.0)
"""Letters of a film that was made square are narrower than they were."""
ZONE = (0.65, 0.35)
"""Height and width of the two upper corners, in shares of the image, where markers lie."""
ALIKE, CONTRAST = 0.7, 0.12
APART = 0.06


@dataclass(frozen=True, order=True)
class Letter:
    """One letter that was found.

    Attributes:
        alike: Its correlation with the drawn letter.
        name: ``L`` or ``R``.
        box: Left, top, width and height in pixels.
    """

    alike: float
    name: str
    box: tuple[int, int, int, int]


def find_letters(pixels_HW: Pixels) -> list[Letter]:
    """Return the letters in the upper corners of a radiograph, the surest first.

    Args:
        pixels_HW: In [0, 1]; letters are brighter than what is around them.
    """
    height, width = pixels_HW.shape
    scale = WORK / min(height, width)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(pixels_HW, None, fx=scale, fy=scale, interpolation=way)
    work = np.asarray(resized, np.float32)
    low, across = int(ZONE[0] * work.shape[0]), int(ZONE[1] * work.shape[1])
    found: list[Letter] = []
    for left in (0, work.shape[1] - across):
        found += _search(work[:low, left : left + across], left)
    kept: list[Letter] = []
    for letter in sorted(found, reverse=True):
        near = (np.abs(np.subtract(letter.box[:2], other.box[:2])).max() for other in kept)
        if all(distance > APART * WORK for distance in near):
            kept.append(letter)
    boxes = ([value / scale for value in letter.box] for letter in kept)
    return [
        replace(letter, box=(int(left), int(top), round(wide), round(high)))
        for letter, (left, top, wide, high) in zip(kept, boxes, strict=True)
    ]


@cache
def drawn(name: str, font: str, height: int, width: float = 1.0) -> Pixels:
    """Return a letter, 1 on 0, without any margin and ``height`` pixels high.

    Args:
        name: The letter.
        font: One of ``FONTS``, which matplotlib brings.
        height: In pixels.
        width: Relative to that of the font.
    """
    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / font
    canvas = Image.new("L", (256, 256))
    ImageDraw.Draw(canvas).text((40, 20), name, fill=255, font=ImageFont.truetype(str(path), 128))
    large = np.asarray(canvas.crop(canvas.getbbox()), np.float32) / 255
    columns = max(round(large.shape[1] * height / large.shape[0] * width), 3)
    small = cv2.resize(large, (columns, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _search(zone_HW: Pixels, left: int) -> list[Letter]:
    found = []
    for name, font, height, width in product(LETTERS, FONTS, HEIGHTS, WIDTHS):
        best = _best(zone_HW, drawn(name, font, height, width))
        if best is not None:
            alike, (x, y, wide, high) = best
            found.append(Letter(alike, name, (x + left, y, wide, high)))
    return found


def _best(zone_HW: Pixels, letter_HW: Pixels) -> tuple[float, tuple[int, int, int, int]] | None:
    """Return correlation and box of the best match, None where it is no bright letter."""
    high, wide = letter_HW.shape
    margin = max(round(high / 4), 2)
    template = np.pad(letter_HW, margin)
    if template.shape[0] > zone_HW.shape[0] or template.shape[1] > zone_HW.shape[1]:
        return None
    matched = cv2.matchTemplate(zone_HW, template, cv2.TM_CCOEFF_NORMED)
    _, alike, _, (x, y) = cv2.minMaxLoc(matched)
    if alike < ALIKE:
        return None
    window = zone_HW[y : y + template.shape[0], x : x + template.shape[1]]
    contrast = window[template > 0.6].mean() - window[template < 0.05].mean()
    if contrast < CONTRAST:
        return None
    return float(alike), (x + margin, y + margin, wide, high)
