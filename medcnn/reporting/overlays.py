"""Heat laid over a radiograph, with the outline of the finding and a frame around the marker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from medcnn.run.directory import atomic_path

Pixels = npt.NDArray[np.float32]
Colours = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

SIDE = 320
"""Pixels a side of a picture: enough for a finding to be seen beside its outline."""
FINDING = (0, 229, 255)
MARKER = (255, 255, 255)
_STRENGTH, _FAINT = 0.8, 0.8
_BLUR = 0.01
"""Of the side: heat on single pixels would not be seen."""


def overlay(
    pixels_HW: Pixels, heat_HW: Pixels | None, finding_HW: Mask | None, marker_HW: Mask | None
) -> Colours:
    """Return a picture of 320×320, RGB.

    Args:
        pixels_HW: The radiograph, in [0, 1].
        heat_HW: In [0, 1]; the hotter, the less of the radiograph shines through; blurred by 1 % of the
            side. None: no heat.
        finding_HW: Outlined in cyan.
        marker_HW: Framed in white.
    """
    grey = cv2.resize(pixels_HW, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    picture = np.repeat(grey[..., None], 3, axis=2)
    if heat_HW is not None:
        heat = _visible(heat_HW)
        colour = mpl.colormaps["inferno"](heat)[..., :3]
        share = (_STRENGTH * heat**_FAINT)[..., None]
        picture = picture * (1 - share) + colour * share
    drawn = np.ascontiguousarray(np.rint(255 * picture).astype(np.uint8))
    for contour in _outlines(finding_HW):
        cv2.polylines(drawn, [contour], True, FINDING, 1, cv2.LINE_AA)
    for contour in _outlines(marker_HW):
        left, top, wide, high = cv2.boundingRect(contour)
        corner = (left + wide + 2, top + high + 2)
        cv2.rectangle(drawn, (left - 3, top - 3), corner, MARKER, 1)
    return drawn


def write_pictures(folder: Path, stem: str, pictures: Mapping[str, Colours]) -> dict[str, str]:
    """Write the pictures of one image as PNG files and return their names.

    Args:
        folder: Where they go.
        stem: What their names begin with; all but letters, digits, ``-`` and ``_`` is replaced.
        pictures: RGB, by what they show.
    """
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in stem)
    names = {}
    for what, picture in pictures.items():
        names[what] = f"{safe}_{what}.png"
        with atomic_path(folder / names[what]) as temporary:
            cv2.imwrite(str(temporary), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return names


def _visible(heat_HW: Pixels) -> Pixels:
    """Return heat at the size of the picture, blurred a little, its maximum 1."""
    wide = cv2.resize(heat_HW, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(wide, (0, 0), _BLUR * SIDE)
    most = float(soft.max())
    return np.asarray(soft / most if most > 0 else soft, np.float32).clip(0, 1)


def _outlines(mask_HW: Mask | None) -> list[npt.NDArray[np.int32]]:
    if mask_HW is None or not mask_HW.any():
        return []
    wide = cv2.resize(mask_HW.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    inside = (wide > 0.5).astype(np.uint8)
    contours = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    return [np.asarray(contour, np.int32) for contour in contours]
