"""Projective operators: each one is a 3×3 matrix an image; all compose into one resampling.

A matrix maps a pixel of the result to the place in the source where its value is found (as
``cv2.WARP_INVERSE_MAP`` and ``grid_sample`` want it), in pixels with the origin at the centre, x to
the right and y down. Dimensions: N images, H×W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medcnn.augment.operator import (
    Floats,
    Operator,
    Range,
    Values,
    box_sides,
    drawn,
    number,
)
from medcnn.errors import ConfigError

Size = tuple[int, int]


def identity(n: int) -> Floats:
    """Return ``n`` identity matrices, N×3×3."""
    return np.tile(np.eye(3), (n, 1, 1))


@dataclass(kw_only=True)
class Geometric(Operator):
    """An operator that is a projective map."""

    def matrix(self, values: Values, size: Size, /) -> Floats:
        """Return the maps from result to source, N×3×3."""
        raise NotImplementedError


@dataclass(kw_only=True)
class Flip(Geometric):
    """Mirror left and right, or up and down.

    A mirrored chest has its heart on the right: leave this out where laterality matters.

    Args:
        axis: ``horizontal`` (left becomes right) or ``vertical``.
    """

    p: float = 0.5
    axis: str = "horizontal"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.axis not in ("horizontal", "vertical"):
            raise ConfigError(
                f"augment: flip.axis cannot be {self.axis!r}.",
                expected="horizontal or vertical",
                found=repr(self.axis),
                remedy="set augment.operators.flip.axis=horizontal",
            )

    def matrix(self, values: Values, _size: Size, /) -> Floats:
        """Return mirror matrices."""
        matrix = identity(len(values["active"]))
        axis = 0 if self.axis == "horizontal" else 1
        matrix[:, axis, axis] = -1.0
        return matrix


@dataclass(kw_only=True)
class Rotation(Geometric):
    """Turn about the image centre.

    Args:
        degrees: Largest angle, or ``(low, high)``; positive is counter-clockwise as seen.
    """

    degrees: Range = drawn(10.0, -180, 180)

    def matrix(self, values: Values, _size: Size, /) -> Floats:
        """Return rotation matrices."""
        radians = np.deg2rad(values["degrees"])
        matrix = identity(len(radians))
        matrix[:, 0, 0] = matrix[:, 1, 1] = np.cos(radians)
        matrix[:, 0, 1], matrix[:, 1, 0] = -np.sin(radians), np.sin(radians)
        return matrix


@dataclass(kw_only=True)
class Scale(Geometric):
    """Enlarge or shrink about the image centre.

    Args:
        factor: Half-width around 1, or ``(low, high)``; above 1 the chest becomes larger.
    """

    factor: Range = drawn(0.1, 0.1, 10, neutral=1, log=True)

    def matrix(self, values: Values, _size: Size, /) -> Floats:
        """Return scaling matrices."""
        matrix = identity(len(values["factor"]))
        matrix[:, 0, 0] = matrix[:, 1, 1] = 1 / values["factor"]
        return matrix


@dataclass(kw_only=True)
class Stretch(Geometric):
    """Change the ratio of width to height and keep the area.

    Args:
        factor: Half-width around 1, or ``(low, high)``; above 1 the chest becomes wider.
    """

    factor: Range = drawn(0.1, 0.1, 10, neutral=1, log=True)

    def matrix(self, values: Values, _size: Size, /) -> Floats:
        """Return stretching matrices."""
        root = np.sqrt(values["factor"])
        matrix = identity(len(root))
        matrix[:, 0, 0], matrix[:, 1, 1] = 1 / root, root
        return matrix


@dataclass(kw_only=True)
class Translation(Geometric):
    """Move sideways and up or down.

    Args:
        x: Fraction of the width, or ``(low, high)``; positive moves the chest to the right.
        y: Fraction of the height, or ``(low, high)``; positive moves the chest down.
    """

    x: Range = drawn(0.05, -1, 1)
    y: Range = drawn(0.05, -1, 1)

    def matrix(self, values: Values, size: Size, /) -> Floats:
        """Return translation matrices."""
        matrix = identity(len(values["x"]))
        matrix[:, 0, 2], matrix[:, 1, 2] = -values["x"] * size[1], -values["y"] * size[0]
        return matrix


@dataclass(kw_only=True)
class Shear(Geometric):
    """Slant along x, then along y.

    Args:
        degrees: Largest slant, or ``(low, high)``; drawn for each axis.
    """

    degrees: Range = drawn(5.0, -60, 60)

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw slants in degrees."""
        return {axis: self.draw_option("degrees", rng, n) for axis in ("x", "y")}

    def matrix(self, values: Values, _size: Size, /) -> Floats:
        """Return the product of the two slants."""
        along_x, along_y = identity(len(values["x"])), identity(len(values["x"]))
        along_x[:, 0, 1] = np.tan(np.deg2rad(values["x"]))
        along_y[:, 1, 0] = np.tan(np.deg2rad(values["y"]))
        return along_x @ along_y


@dataclass(kw_only=True)
class Perspective(Geometric):
    """Tilt the image plane: each corner of the result is found at a displaced corner of the source.

    Args:
        strength: Largest displacement of a corner as a fraction of the side, in [0, 0.4].
    """

    strength: float = number(0.05, 0, 0.4)

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw displacements of the four corners as fractions of the sides, N×4×2."""
        return {"corners": self.strength * (2 * rng.random((n, 4, 2)) - 1)}

    def matrix(self, values: Values, size: Size, /) -> Floats:
        """Return the homographies that take the result's corners to the displaced ones."""
        sides = np.array([size[1], size[0]], float)
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * sides / 2
        return homography(corners, corners + values["corners"] * sides)


@dataclass(kw_only=True)
class Crop(Geometric):
    """Cut out a random window and enlarge it to the full size (random resized crop).

    Args:
        area: Share of the image's area, ``(low, high)``.
        ratio: Width over height of the window, relative to the image's, ``(low, high)``.
    """

    area: Range = drawn((0.8, 1.0), 0.01, 1, neutral=None)
    ratio: Range = drawn((0.9, 1.1), 0.1, 10, neutral=None)

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw the window's width, height and centre as fractions of the image's."""
        width, height = box_sides(rng, n, self.ends["area"], self.ends["ratio"])
        x, y = ((rng.random(n) - 0.5) * (1 - side) for side in (width, height))
        return {"width": width, "height": height, "x": x, "y": y}

    def matrix(self, values: Values, size: Size, /) -> Floats:
        """Return the maps from the result into the window."""
        matrix = identity(len(values["x"]))
        matrix[:, 0, 0], matrix[:, 1, 1] = values["width"], values["height"]
        matrix[:, 0, 2], matrix[:, 1, 2] = values["x"] * size[1], values["y"] * size[0]
        return matrix


def homography(points: Floats, targets_N42: Floats) -> Floats:
    """Return the projective maps that take four points to N times four targets, N×3×3."""
    n = len(targets_N42)
    x, y = (np.broadcast_to(points[:, axis], (n, 4)) for axis in (0, 1))
    u, v = targets_N42[..., 0], targets_N42[..., 1]
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows_u = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=-1)
    rows_v = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=-1)
    system = np.concatenate([rows_u, rows_v], axis=1)
    solution = np.linalg.solve(system, np.concatenate([u, v], axis=1)[..., None])[..., 0]
    return np.concatenate([solution, np.ones((n, 1))], axis=1).reshape(n, 3, 3)
