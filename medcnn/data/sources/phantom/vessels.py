"""The vessels of the lungs: trees that branch from the hila, grown a generation at a time."""

from __future__ import annotations

import cv2
import numpy as np

from medcnn.data.sources.phantom.anatomy import Thorax
from medcnn.data.sources.phantom.frame import SUBPIXEL_BITS, Frame, Map, Points
from medcnn.data.sources.phantom.plan import Body

HILA_CM = ((-3.6, -1.8), (3.9, -2.6))
TRUNK_RADIUS_CM = 0.40
THINNER = 0.76
GENERATIONS = 6
TRUNKS = 9


def add_vessels(thorax: Thorax, body: Body) -> None:
    """Add the vessels of both lungs to ``thorax.vessels`` (cm)."""
    rng = np.random.default_rng([body.anatomy_seed, 2])
    canvas = np.zeros_like(thorax.lung)
    for generation, lines in enumerate(_grow(rng)):
        radius = TRUNK_RADIUS_CM * THINNER**generation
        canvas += _paths(thorax.frame, lines * body.scale, radius)
    thorax.vessels += canvas * np.clip(thorax.lung / np.float32(4.0), 0, 1)


def _grow(rng: np.random.Generator) -> list[Points]:
    """Return for each generation its vessels as M×3×2 points in cm."""
    angles = np.tile(np.deg2rad(np.linspace(-80, 84, TRUNKS)), 2)
    angle = angles + rng.normal(0, 0.12, angles.shape)
    side = np.repeat([-1.0, 1.0], TRUNKS)
    start = np.repeat(np.asarray(HILA_CM), TRUNKS, axis=0) + rng.normal(0, 0.5, (2 * TRUNKS, 2))
    generations = []
    for generation in range(GENERATIONS):
        radius = TRUNK_RADIUS_CM * THINNER**generation
        half = 0.5 * rng.uniform(1.5, 2.6, angle.shape) * (0.55 + 1.8 * radius)
        bend = angle + rng.normal(0, 0.14, angle.shape)
        middle = start + half[:, None] * _direction(angle, side)
        end = middle + half[:, None] * _direction(bend, side)
        generations.append(np.stack([start, middle, end], axis=1))
        spread = rng.uniform(0.25, 0.5, angle.shape)
        angle = np.concatenate([bend + spread, bend - spread])
        side, start = np.tile(side, 2), np.tile(end, (2, 1))
    return generations


def _direction(angle: Points, side: Points) -> Points:
    return np.column_stack([side * np.cos(angle), np.sin(angle)])


def _paths(frame: Frame, lines: Points, radius: float) -> Map:
    canvas = np.zeros((frame.size, frame.size), np.uint8)
    thickness = max(round(2 * radius / frame.spacing), 1)
    points = frame.pixels(lines.reshape(-1, 2)).reshape(lines.shape)
    fixed = np.rint(points * 2**SUBPIXEL_BITS).astype(np.int32)
    cv2.polylines(canvas, list(fixed), False, 255, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
    # A vessel thinner than a pixel is drawn a pixel wide, so its path is thinned to keep its area.
    share = min(2 * radius / frame.spacing / thickness, 1.0)
    path = canvas.astype(np.float32) * np.float32(2 * radius * share / 255)
    return frame.blurred(path, max(radius * 0.6, 0.05))
