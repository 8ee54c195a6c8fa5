"""The image plane: centimetres of the patient to pixels of the radiograph, and drawing on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from medcnn.data.sources.phantom.plan import Acquisition

Map = NDArray[np.float32]
RealMap = NDArray[np.float32] | NDArray[np.float64]
Points = NDArray[np.float64]
SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Frame:
    """A size×size grid on the patient.

    The origin is the middle of the chest; x grows to the right of the image, which is the patient's
    left, and y downwards.

    Attributes:
        size: Pixels a side.
        spacing: cm a pixel.
        matrix: 2×3, cm to pixels.
        x: cm, size×size.
        y: cm, size×size.
    """

    size: int
    spacing: float
    matrix: NDArray[np.float64]
    x: Map
    y: Map

    def pixels(self, points: Points) -> Points:
        """Return N×2 points in cm as pixel coordinates."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]

    def polygon(self, *outlines: Points) -> Map:
        """Return a map that is 1 inside any of the outlines (N×2 cm each), antialiased."""
        canvas = np.zeros((self.size, self.size), np.uint8)
        for outline in outlines:
            fixed = np.rint(self.pixels(outline) * 2**SUBPIXEL_BITS).astype(np.int32)
            cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, SUBPIXEL_BITS)
        return canvas.astype(np.float32) / np.float32(255)

    def blurred(self, values: Map, sigma_cm: float) -> Map:
        """Return a map blurred by a Gaussian of ``sigma_cm``."""
        sigma = max(sigma_cm / self.spacing, 0.3)
        if sigma > 12:
            small = cv2.resize(values, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
            soft = cv2.GaussianBlur(small, (0, 0), sigma / 4, borderType=cv2.BORDER_REPLICATE)
            wide = cv2.resize(soft, values.shape[::-1], interpolation=cv2.INTER_LINEAR)
            return np.asarray(wide, np.float32)
        soft = cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(soft, np.float32)

    def noise(self, rng: np.random.Generator, grain_cm: float) -> Map:
        """Return smooth noise of unit variance whose grains measure ``grain_cm``."""
        cells = max(int(self.size * self.spacing / grain_cm), 2) + 2
        coarse = rng.standard_normal((cells, cells), dtype=np.float32)
        fine = cv2.resize(coarse, (self.size, self.size), interpolation=cv2.INTER_CUBIC)
        return np.asarray(fine * 1.3, np.float32)


def make_frame(size: int, acquisition: Acquisition) -> Frame:
    """Return the frame of one acquisition."""
    spacing = acquisition.field_cm / size
    angle = np.deg2rad(acquisition.rotation_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.asarray(acquisition.shift_cm) / spacing + (size - 1) / 2
    matrix = np.column_stack([turn / spacing, shift])
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    back = np.linalg.inv(turn) * spacing
    dx, dy = columns - np.float32(shift[0]), rows - np.float32(shift[1])
    x = np.float32(back[0, 0]) * dx + np.float32(back[0, 1]) * dy
    y = np.float32(back[1, 0]) * dx + np.float32(back[1, 1]) * dy
    return Frame(size, spacing, matrix, x, y)


def band(centre: Points, width: NDArray[np.float64] | float) -> Points:
    """Return the outline of a band of ``width`` cm along the polyline ``centre`` (N×2 cm)."""
    along = np.empty_like(centre)
    along[1:-1] = centre[2:] - centre[:-2]
    along[0], along[-1] = centre[1] - centre[0], centre[-1] - centre[-2]
    along /= np.hypot(along[:, :1], along[:, 1:])
    across = np.column_stack([-along[:, 1], along[:, 0]])
    half = np.broadcast_to(np.asarray(width, float) / 2, len(centre))[:, None]
    return np.concatenate([centre + half * across, (centre - half * across)[::-1]])


def chord(distance_squared: RealMap, depth: float, power: float = 0.5) -> Map:
    """Return the path through an ellipsoid of ``depth`` cm, 0 where ``distance_squared`` >= 1."""
    rest = np.maximum(np.float32(1) - distance_squared, 0)
    profile = np.sqrt(rest) if power == 0.5 else rest ** np.float32(power)
    return np.asarray(np.float32(depth) * profile, np.float32)


def step(values: RealMap) -> Map:
    """Return the smooth step from 0 (values <= 0) to 1 (values >= 1)."""
    t: Map = np.asarray(np.clip(values, 0, 1), np.float32)
    return t * t * (3 - 2 * t)
