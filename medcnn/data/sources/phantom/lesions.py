"""The findings: each changes the path lengths of a thorax and returns the mask of where it is.

``strength`` runs from 0 (small and faint) to 1 (large and dense).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from medcnn.data.sources.phantom.anatomy import Thorax
from medcnn.data.sources.phantom.frame import Map, chord, step

VISIBLE_LUNG_CM = 5.0


def add_consolidation(thorax: Thorax, rng: np.random.Generator, strength: float) -> Map:
    """Fill a part of one lung with fluid; bronchi stay open in it."""
    frame = thorax.frame
    lung = _lung(thorax, rng)
    x0, y0 = _place(thorax, lung, rng)
    radius = (1.7 + 2.3 * strength) * rng.uniform(0.85, 1.3)
    stretch = rng.uniform(0.7, 1.4)
    distance = np.hypot((frame.x - x0) / stretch, (frame.y - y0) * stretch) / radius
    ragged = distance + 0.22 * frame.noise(rng, 2.2) + 0.10 * frame.noise(rng, 0.9)
    filled = step((1.25 - ragged) / 1.2) * lung
    share = (0.28 + 0.42 * strength) * (1 + 0.15 * frame.noise(rng, 0.8))
    moved = thorax.lung * np.clip(filled * share, 0, 0.95)
    thorax.lung -= moved
    thorax.fluid += moved
    thorax.vessels *= 1 - 0.8 * filled
    return _mask(filled > 0.4)


def add_nodule(thorax: Thorax, rng: np.random.Generator, strength: float) -> Map:
    """Put one to three round masses of water density into the lungs."""
    frame = thorax.frame
    whole = np.zeros_like(thorax.lung)
    for _ in range(1 + int(rng.random() < 0.3) + int(rng.random() < 0.15)):
        lung = _lung(thorax, rng)
        x0, y0 = _place(thorax, lung, rng)
        radius = (0.75 + 0.75 * strength) * rng.uniform(0.85, 1.25)
        angle = np.arctan2(frame.y - y0, frame.x - x0)
        lobes = 1 + 0.10 * np.cos(int(rng.integers(2, 6)) * angle + rng.uniform(0, 6.28))
        distance = np.hypot(frame.x - x0, frame.y - y0) / (radius * lobes)
        ball = np.minimum(chord(distance**2, 2 * radius * (1.0 + 0.5 * strength)), thorax.lung)
        thorax.lung -= ball
        thorax.fluid += ball
        whole = np.maximum(whole, _mask((distance < 1) & (lung > 0.3)))
    return whole


def add_effusion(thorax: Thorax, rng: np.random.Generator, strength: float) -> Map:
    """Fill the costophrenic angle of one or both sides up to a meniscus."""
    frame = thorax.frame
    sides = [thorax.right, thorax.left]
    chosen = [sides[int(rng.random() < 0.5)]] if rng.random() < 0.75 else sides
    whole = np.zeros_like(thorax.lung)
    for lung in chosen:
        height = (0.6 + 4.5 * strength) * rng.uniform(0.8, 1.25)
        # The meniscus climbs the lateral wall and, less, the mediastinum.
        lateral = np.clip(thorax.lateral, 0, 1) ** 4
        medial = np.clip(-thorax.lateral, 0, 1) ** 3
        climb = (0.8 + 0.65 * height) * lateral + (0.3 + 0.20 * height) * medial
        level = _lowest(thorax, lung) - height + 0.6 - climb
        below = step((frame.y - level) / 1.4 + 0.3) * _half(thorax, lung)
        moved = thorax.lung * np.float32(0.96) * below
        thorax.lung -= moved
        thorax.fluid += moved
        thorax.vessels *= 1 - below
        whole = np.maximum(whole, _mask((below > 0.5) & (moved > 0.6)))
    return whole


def add_pneumothorax(thorax: Thorax, rng: np.random.Generator, strength: float) -> Map:
    """Let one lung fall from the lateral wall and the apex, with free air between."""
    frame = thorax.frame
    lung = (thorax.right, thorax.left)[int(rng.random() < 0.5)]
    gap = (1.0 + 3.0 * strength) * rng.uniform(0.85, 1.2)
    high = np.clip((2.0 - frame.y) / 14.0, 0, 1)
    inner = _eroded(thorax, lung, gap * (0.25 + 0.95 * high))
    free = np.clip(_half(thorax, lung) - inner, 0, 1) * step(thorax.lung / np.float32(1.0))
    free *= step((thorax.lateral + 0.35) / 0.3) + step((-7.0 - frame.y) / 2.0)
    free *= step((4.0 - frame.y) / 3.0)
    free = np.clip(free, 0, 1)
    moved = thorax.lung * free
    thorax.air += moved
    thorax.lung -= moved
    thorax.vessels *= 1 - free
    # Collapsed lung holds the same tissue in less room.
    thorax.fluid += 0.06 * thorax.lung * inner
    line = 4 * free * (1 - free)
    thorax.fluid += np.float32(0.35) * line * (thorax.lung + moved > 0.6)
    return _mask(free > 0.5)


def mask_of_heart(thorax: Thorax) -> Map:
    """Return the mask of an enlarged heart: its whole silhouette."""
    return _mask(thorax.heart > 0.5)


LESIONS: dict[str, Callable[[Thorax, np.random.Generator, float], Map]] = {
    "consolidation": add_consolidation,
    "nodule": add_nodule,
    "pleural effusion": add_effusion,
    "pneumothorax": add_pneumothorax,
}


def _lung(thorax: Thorax, rng: np.random.Generator) -> Map:
    return (thorax.right, thorax.left)[int(rng.random() < 0.45)]


def _half(thorax: Thorax, lung: Map) -> Map:
    side = -1 if lung is thorax.right else 1
    return (side * thorax.frame.x > 0).astype(np.float32)


def _place(thorax: Thorax, lung: Map, rng: np.random.Generator) -> tuple[float, float]:
    """Return x, y in cm of a point where the lung is deep enough for a finding to show."""
    deep = (lung > 0.8) & (thorax.lung > VISIBLE_LUNG_CM)
    rows, columns = np.nonzero(deep if deep.any() else lung > 0.3)
    pick = int(rng.integers(len(rows)))
    row, column = rows[pick], columns[pick]
    return float(thorax.frame.x[row, column]), float(thorax.frame.y[row, column])


def _lowest(thorax: Thorax, lung: Map) -> float:
    return float(np.quantile(thorax.frame.y[lung > 0.5], 0.995))


def _eroded(thorax: Thorax, lung: Map, gap: Map) -> Map:
    """Return the inside of ``lung`` further than ``gap`` cm from its wall, soft over 2 mm."""
    inside = (lung > 0.5).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5) * thorax.frame.spacing
    return step((distance - gap) / np.float32(0.3) + np.float32(0.5))


def _mask(inside: NDArray[np.bool_]) -> Map:
    return inside.astype(np.float32)
