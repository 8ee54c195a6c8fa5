"""Spine, ribs, clavicles, scapulae and humeri: bands with a cortex, as path lengths in cm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medcnn.data.sources.phantom.anatomy import Thorax
from medcnn.data.sources.phantom.frame import Frame, Map, Points, band
from medcnn.data.sources.phantom.plan import Body

NDFloat = NDArray[np.float64]
Tube = tuple[Points, NDFloat | float]

RIB_PAIRS = 10
VERTEBRAE = 19
FIRST_RIB_CM = -12.6
MARROW = 0.62


def add_skeleton(thorax: Thorax, body: Body, view: str) -> None:
    """Add the bones of a body to ``thorax.bone`` (cm)."""
    rng = np.random.default_rng([body.anatomy_seed, 1])
    frame = thorax.frame
    density = 1.05 - 0.006 * max(body.age - 45, 0)
    back, front = _ribs(body, rng)
    bones = 0.85 * _tubes(frame, back) + 0.55 * _tubes(frame, front)
    bones += 0.95 * _tubes(frame, _clavicles(body, rng, view))
    bones += _scapulae(frame, body, rng, view)
    bones += _spine(frame, body, rng)
    bones += 1.6 * _tubes(frame, _humeri(body))
    thorax.bone += frame.blurred((density * bones).astype(np.float32), 0.06)


def _tubes(frame: Frame, tubes: list[Tube]) -> Map:
    """Return bands with a dense cortex and a lighter marrow, 1 at the cortex."""
    outer = frame.polygon(*(band(line, width) for line, width in tubes))
    inner = frame.polygon(*(band(line, np.asarray(width) * MARROW) for line, width in tubes))
    return np.asarray(outer - np.float32(0.42) * inner, np.float32)


def _ribs(body: Body, rng: np.random.Generator) -> tuple[list[Tube], list[Tube]]:
    back, front = [], []
    gap = rng.uniform(2.25, 2.5)
    for pair in range(RIB_PAIRS):
        level = FIRST_RIB_CM + gap * pair
        t = pair / (RIB_PAIRS - 1)
        reach = (5.6 + (body.chest + 0.5 - 5.6) * min(1.0, (t / 0.42) ** 0.6)) if pair else 5.8
        sag = rng.uniform(3.4, 4.1) * (0.55 + 0.75 * t)
        width = rng.uniform(0.95, 1.15)
        for side in (-1, 1):
            wobble = rng.normal(0, 0.12)
            angle = np.linspace(np.deg2rad(8), np.deg2rad(90), 24)
            across = 1.6 + (reach - 1.6) * np.sin(angle) ** 0.9
            down = level + wobble + sag * (1 - np.cos(angle)) ** 1.15 - 0.5 * np.sin(2 * angle)
            back.append(_scaled(side * across, down, width, body))
            if 0 < pair < 8:
                angle = np.linspace(0, np.deg2rad(rng.uniform(48, 60)), 16)
                across = reach * np.cos(angle) ** 0.8
                down = level + sag + wobble + (2.6 + 3.2 * t) * np.sin(angle)
                front.append(_scaled(side * across, down, np.linspace(1.0, 1.35, 16), body))
    return back, front


def _scaled(x: NDFloat, y: NDFloat, width: NDFloat | float, body: Body) -> Tube:
    return np.column_stack([x, y]) * body.scale, width * body.scale


def _clavicles(body: Body, rng: np.random.Generator, view: str) -> list[Tube]:
    t = np.linspace(0, 1, 24)
    level = (-10.6 if view == "PA" else -12.2) + rng.normal(0, 0.4)
    slope = rng.uniform(1.0, 2.4)
    y = level - slope * t + 0.55 * np.sin(2 * np.pi * t)
    width = 1.35 - 0.45 * np.sin(np.pi * t)
    return [_scaled(side * (1.7 + 13.5 * t), y, width, body) for side in (-1, 1)]


def _humeri(body: Body) -> list[Tube]:
    t = np.linspace(0, 1, 12)
    width = 2.3 + 2.2 * (1 - t) ** 4
    return [_scaled(side * (17.8 + 3.6 * t), -11.5 + 16 * t, width, body) for side in (-1, 1)]


def _scapulae(frame: Frame, body: Body, rng: np.random.Generator, view: str) -> Map:
    medial = rng.uniform(12.3, 13.8) if view == "PA" else rng.uniform(9.5, 11.5)
    blade = np.array(
        [[medial + 0.3, -11.5], [medial, -6], [medial + 1.6, 0.5], [medial + 4.4, -9.5]]
    )
    spine = np.array([[medial + 0.4, -9.4], [medial + 3.5, -11.0], [medial + 5.0, -12.4]])
    plates = [blade * (side, 1) * body.scale for side in (-1, 1)]
    borders = [band(p[1:], 0.7) for p in plates] + [band(p[:3], 0.45) for p in plates]
    ridges = [band(spine * (side, 1) * body.scale, 0.9) for side in (-1, 1)]
    edge = frame.polygon(*borders) + frame.polygon(*ridges)
    return np.asarray(0.16 * frame.polygon(*plates) + 0.35 * edge, np.float32)


def _spine(frame: Frame, body: Body, rng: np.random.Generator) -> Map:
    height = rng.uniform(2.1, 2.35)
    bow = rng.normal(0, 0.35)
    bodies, pedicles, processes = [], [], []
    for i in range(VERTEBRAE):
        top = -17.5 + height * i
        x = bow * np.sin(np.pi * i / VERTEBRAE)
        half = 1.35 + 0.03 * i
        waist = np.array([[-1, 0.12], [1, 0.12], [0.9, 0.5], [1, 0.88], [-1, 0.88], [-0.9, 0.5]])
        bodies.append((waist * (half, height) + (x, top)) * body.scale)
        pedicle_y = top + height * 0.4
        pedicles += [_disc(x + s * half * 0.72, pedicle_y, 0.28) * body.scale for s in (-1, 1)]
        processes.append(_disc(x, top + height * 0.95, 0.3, 2.0) * body.scale)
    column = frame.polygon(*bodies)
    details = 0.5 * frame.polygon(*pedicles) + 0.4 * frame.polygon(*processes)
    return np.asarray(0.55 * column + 0.4 * details, np.float32)


def _disc(x: float, y: float, radius: float, stretch: float = 1.0) -> Points:
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    return np.column_stack([x + radius * np.cos(angle), y + radius * stretch * np.sin(angle)])
