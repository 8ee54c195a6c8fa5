"""Operators on what betrays an acquisition: shading, the frame of the image, and its letters.

A network that reads the border or a marker instead of the lungs is right at home and wrong elsewhere
(Zech et al., PLoS Medicine 2018; DeGrave et al., Nature Machine Intelligence 2021). Drawn anew for
each image, they tell nothing. Dimensions: N images, H×W pixels, G×G cells of a coarse grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from medcnn.augment.erasing import pixels_of
from medcnn.augment.filters import Filter, Painting
from medcnn.augment.operator import Range, Values, drawn, number, uniform
from medcnn.augment.resampling import Images

if TYPE_CHECKING:
    from torch import Tensor

GRID = 4
"""Grid points of a shading along each side: slower than ribs, as scatter and the heel effect are."""
STROKES = (7, 5)
"""Rows and columns of a letter's cells, as in the fonts of consoles."""


@dataclass(kw_only=True)
class Shading(Filter):
    """Multiply by a slowly varying random field, as scatter, the heel effect and processing do.

    Args:
        strength: Standard deviation of the field's logarithm, in [0, 1].
    """

    strength: float = number(0.1, 0, 1)

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw the logarithm of the field at the grid points, N×G×G."""
        return {"field": np.clip(self.strength * rng.standard_normal((n, GRID, GRID)), -1.5, 1.5)}

    def image(self, image_HW: Images, values: Values, /) -> Images:
        """Return one shaded image."""
        field = values["field"].astype(np.float32)
        factor = np.exp(
            cv2.resize(field, image_HW.shape[::-1], interpolation=cv2.INTER_CUBIC), dtype=np.float32
        )
        peak = int(np.iinfo(image_HW.dtype).max)
        return np.asarray(np.rint((image_HW * factor).clip(0, peak)).astype(image_HW.dtype))

    def tensor(self, image_N1HW: Tensor, values: Values, /) -> Tensor:
        """Return the shaded images."""
        import torch
        from torch.nn import functional as F

        field = torch.as_tensor(values["field"]).to(image_N1HW)[:, None]
        size = image_N1HW.shape[-2:]
        factor = F.interpolate(field, size, mode="bicubic", align_corners=False).exp()
        return (image_N1HW * factor).clip(0, 1)


@dataclass(kw_only=True)
class Frame(Painting):
    """Paint over a band of random width along each side, in one grey value of the image's own.

    Args:
        depth: Largest width of a band as a fraction of the side, or ``(low, high)``, up to 0.4.
        fill: Grey value that is painted, ``(low, high)`` in [0, 1].
    """

    depth: Range = drawn((0.0, 0.15), 0, 0.4)
    fill: Range = drawn((0.0, 0.6), 0, 1, neutral=None)

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw the widths of top, bottom, left and right, N×4, and the grey values."""
        depth = self.draw_option("depth", rng, 4 * n).reshape(n, 4)
        return {"depth": depth, "fill": self.draw_option("fill", rng, n)}

    def paint(self, image_HW: Any, values: Values, grey: Callable[[float], float], /) -> None:
        """Paint four bands, each as deep as a fraction of the side it goes along."""
        level, (height, width) = grey(float(values["fill"])), image_HW.shape
        top, bottom = (round(float(share) * height) for share in values["depth"][:2])
        left, right = (round(float(share) * width) for share in values["depth"][2:])
        for band in (slice(top), slice(height - bottom, None)):
            image_HW[band] = level
        for band in (slice(left), slice(width - right, None)):
            image_HW[:, band] = level


@dataclass(kw_only=True)
class Marker(Painting):
    """Put a bright letter of random strokes near the edge: where a marker is drawn, none is read.

    Args:
        height: Height as a fraction of the image's, ``(low, high)``, up to 0.3.
        margin: Largest distance from the nearest side edge as a fraction of the width, up to 0.5.
    """

    height: Range = drawn((0.05, 0.12), 0, 0.3, neutral=None)
    margin: float = number(0.2, 0, 0.5)

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw boxes (top, left, height, width), strokes, N×7×5, and grey values."""
        height = self.draw_option("height", rng, n)
        width = height * STROKES[1] / STROKES[0]
        left = self.margin * rng.random(n)
        left = np.where(rng.random(n) < 0.5, left, 1 - width - left)
        top = rng.random(n) * (1 - height)
        return {
            "box": np.stack([top, left, height, width], axis=1),
            "strokes": rng.random((n, *STROKES)) < 0.5,
            "level": uniform(rng, n, (0.6, 1.0)),
        }

    def paint(self, image_HW: Any, values: Values, grey: Callable[[float], float], /) -> None:
        """Write the letter of one image."""
        rows, columns, letter = _letter(values["box"], values["strokes"], image_HW.shape)
        image_HW[rows, columns][letter] = grey(float(values["level"]))


def _letter(
    box: npt.NDArray[np.float64], strokes: npt.NDArray[np.bool_], size: tuple[int, ...]
) -> tuple[slice, slice, npt.NDArray[np.bool_]]:
    """Return the rows and columns of a letter, and which of their pixels are bright."""
    rows, columns = pixels_of(box, size)
    sides = rows.stop - rows.start, columns.stop - columns.start
    places = [
        np.arange(n) * cells // max(n, 1) for n, cells in zip(sides, strokes.shape, strict=True)
    ]
    return rows, columns, strokes[np.ix_(*places)]
