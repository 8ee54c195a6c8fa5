"""Operators that blank out rectangles, so that no single region decides.

Zhong et al., Random erasing data augmentation, AAAI 2020; DeVries and Taylor, Cutout,
arXiv:1708.04552.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from medcnn.augment.filters import Painting
from medcnn.augment.operator import Floats, Range, Values, box_sides, drawn, number, whole

Box = tuple[slice, slice]


@dataclass(kw_only=True)
class Blanking(Painting):
    """An operator that fills boxes, drawn as top, left, height and width in fractions of the sides.

    Args:
        fill: Grey value in [0, 1] that is put there.
    """

    p: float = 0.5
    fill: float = number(0.0, 0, 1)

    def paint(self, image_HW: Any, values: Values, grey: Callable[[float], float], /) -> None:
        """Fill the boxes of one image."""
        for box in values["boxes"]:
            image_HW[pixels_of(box, image_HW.shape)] = grey(self.fill)


@dataclass(kw_only=True)
class Erasing(Blanking):
    """Blank out one rectangle of random area and shape (random erasing).

    Args:
        area: Share of the image's area, ``(low, high)``.
        ratio: Height over width of the rectangle, ``(low, high)``.
    """

    area: Range = drawn((0.02, 0.1), 0, 1, neutral=None)
    ratio: Range = drawn((0.5, 2.0), 0.1, 10, neutral=None)

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw one box an image, N×1×4."""
        height, width = box_sides(rng, n, self.ends["area"], self.ends["ratio"])
        top, left = rng.random(n) * (1 - height), rng.random(n) * (1 - width)
        return {"boxes": np.stack([top, left, height, width], axis=1)[:, None]}


@dataclass(kw_only=True)
class Cutout(Blanking):
    """Blank out squares whose centres may lie anywhere, so that some reach over the edge.

    Args:
        holes: How many squares, 1 to 16.
        side: Side of a square as a fraction of the image's, in [0, 1].
    """

    holes: int = whole(1, 1, 16)
    side: float = number(0.2, 0, 1)

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw boxes, N×holes×4."""
        corners = rng.random((n, self.holes, 2)) - self.side / 2
        return {"boxes": np.concatenate([corners, np.full_like(corners, self.side)], axis=2)}


def pixels_of(box: Floats, size: tuple[int, ...]) -> Box:
    """Return the rows and columns of a box given as top, left, height and width in fractions."""
    ends = []
    for start, length, side in zip(box[:2], box[2:], size, strict=True):
        first, last = round(float(start) * side), round(float(start + length) * side)
        ends.append(slice(max(first, 0), min(max(last, 0), side)))
    return ends[0], ends[1]
