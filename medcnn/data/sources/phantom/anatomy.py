"""Soft tissue, lungs, heart and great vessels as path lengths along the beam (cm).

Every organ is an analytic solid whose chord is known in closed form, so no ray is
traced.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from medcnn.data.sources.phantom.frame import Frame, Map, chord, step
from medcnn.data.sources.phantom.plan import Case

APEX_CM = -13.8
BASE_CM = 12.0
RIGHT_DOME_CM = 6.2
AP_MAGNIFICATION = 1.12
HEART_DEPTH_CM = 10.5


@dataclass
class Thorax:
    """Path lengths in cm, each size×size, and where the lungs are.

    Attributes:
        frame: The image plane.
        body: Through the whole body, its cavities included.
        lung: Through aerated lung.
        fluid: Through what has replaced lung with the density of water.
        air: Through free air (trachea, stomach, pneumothorax).
        bone: Through bone.
        vessels: Through the vessels of the lung.
        right: 1 inside the outline of the right lung (left in the image), soft at its edge.
        left: 1 inside the outline of the left lung.
        diaphragm: y in cm of the dome above or below each pixel.
        lateral: 0 at the middle of each lung, 1 at its lateral wall, negative medially.
        heart: 1 inside the heart's outline.
    """

    frame: Frame
    body: Map
    lung: Map
    fluid: Map
    air: Map
    bone: Map
    vessels: Map
    right: Map
    left: Map
    diaphragm: Map
    lateral: Map
    heart: Map


def build_thorax(case: Case, frame: Frame, heart_ratio: float) -> Thorax:
    """Return the soft tissues of a case, without bones, vessels of the lung and findings."""
    body, scale = case.body, case.body.scale
    rng = np.random.default_rng(body.anatomy_seed)
    x, y = frame.x / np.float32(scale), frame.y / np.float32(scale)
    inspiration = case.acquisition.inspiration_cm - (0.9 if case.acquisition.view == "AP" else 0.0)
    inside, lateral, depth = _lung_solid(x, y, body.chest, rng)
    diaphragm = _diaphragm(x, body.chest, RIGHT_DOME_CM + inspiration, rng)
    above = step((diaphragm - y) / np.float32(0.35) + np.float32(0.5))
    recess = 0.22 * np.exp(-np.maximum(y - diaphragm, 0) / np.float32(2.0))
    lung = np.float32(scale) * depth * np.maximum(above, recess)
    magnify = AP_MAGNIFICATION if case.acquisition.view == "AP" else 1.0
    heart = _heart(x, y, body.chest, heart_ratio * magnify, inspiration, rng)
    lung = np.maximum(lung - np.float32(scale) * heart, 0)
    for vessel in _great_vessels(x, y, rng):
        lung = np.maximum(lung - np.float32(scale) * vessel, 0)
    texture = 1 + np.float32(0.035) * frame.noise(rng, 6.0)
    outline = np.asarray(np.clip(inside * above, 0, 1), np.float32)
    zero = np.zeros_like(lung)
    return Thorax(
        frame=frame,
        body=_body_path(case, x, y, rng),
        lung=np.asarray(lung * texture, np.float32),
        fluid=zero.copy(),
        air=_airways(frame, x, y, diaphragm, rng),
        bone=zero.copy(),
        vessels=zero.copy(),
        right=np.where(x < 0, outline, 0).astype(np.float32),
        left=np.where(x > 0, outline, 0).astype(np.float32),
        diaphragm=np.asarray(diaphragm * np.float32(scale), np.float32),
        lateral=lateral,
        heart=step(heart / np.float32(2.0)),
    )


def _lung_solid(x: Map, y: Map, chest: float, rng: np.random.Generator) -> tuple[Map, Map, Map]:
    """Return inside (soft, 0 to 1), the lateral coordinate and the depth in cm of both lungs."""
    t = np.clip((y - APEX_CM) / (BASE_CM - APEX_CM), 1e-4, 1.3)
    apex_x = rng.uniform(4.6, 5.4)
    rise = np.sqrt(np.maximum(1 - np.maximum(1 - t / 0.62, 0) ** 2.2, 0))
    wall = apex_x + (chest - apex_x) * rise + 0.5 * np.clip(t - 0.6, 0, 1)
    medial = apex_x - (apex_x - rng.uniform(2.2, 2.8)) * np.sqrt(np.clip(t / 0.16, 0, 1))
    centre, half = (wall + medial) / 2, np.maximum((wall - medial) / 2, 0.05)
    lateral = ((np.abs(x) - centre) / half).astype(np.float32)
    profile = np.maximum(1 - np.abs(lateral) ** np.float32(2.6), 0) ** np.float32(0.55)
    depth = 15.0 * (0.45 + 0.55 * np.clip(t / 0.45, 0, 1))
    valid = y > APEX_CM
    inside = np.where(valid, step(profile / np.float32(0.25)), 0)
    return inside.astype(np.float32), lateral, (profile * depth * valid).astype(np.float32)


def _diaphragm(x: Map, chest: float, right_dome: float, rng: np.random.Generator) -> Map:
    domes = (right_dome, right_dome + rng.uniform(0.6, 1.6))
    centre = 0.5 * chest
    steep = rng.uniform(2.6, 3.6)
    offset = (np.abs(x) - np.float32(centre)) / np.float32(chest - centre)
    fall = steep * np.maximum(offset, 0) ** 2.4 + 1.0 * np.minimum(offset, 0) ** 2
    return np.asarray(np.where(x < 0, domes[0], domes[1]) + fall, np.float32)


def _heart(
    x: Map, y: Map, chest: float, ratio: float, inspiration: float, rng: np.random.Generator
) -> Map:
    width = ratio * 2 * chest
    tilt = math.radians(rng.uniform(28, 40))
    long_axis = width / 2 * 1.12
    short_axis = long_axis * rng.uniform(0.70, 0.78)
    extent = math.hypot(long_axis * math.cos(tilt), short_axis * math.sin(tilt))
    long_axis, short_axis = long_axis * width / 2 / extent, short_axis * width / 2 / extent
    centre_x = width * rng.uniform(0.15, 0.19)
    centre_y = RIGHT_DOME_CM + inspiration + 0.9 - short_axis * 0.80
    dx, dy = x - np.float32(centre_x), y - np.float32(centre_y)
    along = math.cos(tilt) * dx + math.sin(tilt) * dy
    across = -math.sin(tilt) * dx + math.cos(tilt) * dy
    return chord((along / long_axis) ** 2 + (across / short_axis) ** 2, HEART_DEPTH_CM, 0.6)


def _great_vessels(x: Map, y: Map, rng: np.random.Generator) -> list[Map]:
    jitter = rng.uniform(0.9, 1.1, size=7).tolist()
    solids = (
        (2.3, -6.6, 1.9 * jitter[0], 1.9, 9.0),
        (2.5, -3.2, 2.3 * jitter[1], 2.2, 7.0),
        (-1.6, -5.0, 2.1 * jitter[2], 6.5, 8.0),
        (4.6, -2.4 * jitter[3], 1.5, 2.4 * jitter[4], 3.2),
        (-4.4, -1.6 * jitter[5], 1.4, 2.6 * jitter[6], 3.2),
        (0.0, -8.0, 2.9, 9.0, 12.0),
    )
    return [
        chord(((x - np.float32(cx)) / rx) ** 2 + ((y - np.float32(cy)) / ry) ** 2, depth)
        for cx, cy, rx, ry, depth in solids
    ]


def _body_path(case: Case, x: Map, y: Map, rng: np.random.Generator) -> Map:
    body = case.body
    trunk_half = body.chest + body.wall + 0.05 * np.clip(y, -10, 14)
    trunk = chord((np.abs(x) / trunk_half) ** np.float32(2.6), body.depth)
    trunk *= step((y + 15.5) / np.float32(6.0)) * np.float32(0.25) + np.float32(0.75)
    trunk *= step((y + 18.0) / np.float32(5.0))
    neck = chord((x / np.float32(6.2)) ** 2, 13.0) * step((-y - 8.0) / np.float32(5.0))
    girdle_x, girdle_y = (np.abs(x) - np.float32(12.5)) / 9.5, (y + np.float32(11.5)) / 5.2
    girdle = chord(np.abs(girdle_x) ** 2.4 + np.abs(girdle_y) ** 2.4, 13.0)
    arm_x = (np.abs(x) - np.float32(20.0) - 0.28 * (y + 8)) / 4.6
    arm = chord(arm_x**2, 9.0) * step((y + 13) / np.float32(4.0))
    path = np.maximum(np.maximum(trunk, neck), np.maximum(girdle, arm))
    if body.sex == "F" and rng.random() < 0.8:
        path = path + _breasts(x, y, rng)
    return np.asarray(path * np.float32(body.scale), np.float32)


def _breasts(x: Map, y: Map, rng: np.random.Generator) -> Map:
    centre, low, radius = rng.uniform(7.0, 8.5), rng.uniform(2.5, 6.0), rng.uniform(4.6, 6.2)
    dx, dy = (np.abs(x) - np.float32(centre)) / radius, (y - np.float32(low)) / radius
    dy = np.where(dy < 0, dy / np.float32(1.5), dy)
    return chord(dx**2 + dy**2, rng.uniform(1.2, 3.2), 0.45)


def _airways(frame: Frame, x: Map, y: Map, diaphragm: Map, rng: np.random.Generator) -> Map:
    shift = rng.uniform(-0.2, 0.4)
    width = rng.uniform(0.75, 0.95)
    trachea = chord(((x - np.float32(shift)) / width) ** 2, 1.7) * step((-4.6 - y) / 0.8)
    canvas = trachea.astype(np.float32)
    for side, length, drop in ((-1, 2.6, 2.4), (1, 4.2, 2.6)):
        along = np.clip((side * (x - shift)) / length, 0, 1)
        off = y - np.float32(-5.0) - along * np.float32(drop)
        inside = (side * (x - shift) > 0) & (side * (x - shift) < length)
        canvas = np.maximum(canvas, chord((off / 0.75) ** 2, 1.1) * inside)
    if rng.random() < 0.6:
        cx, cy = rng.uniform(4.5, 7.5), rng.uniform(2.4, 3.2)
        bubble = ((x - cx) / rng.uniform(2, 3.5)) ** 2
        bubble = bubble + ((y - diaphragm - np.float32(cy)) / rng.uniform(1.0, 1.9)) ** 2
        canvas = canvas + chord(bubble, 3.5)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), max(0.12 / frame.spacing, 0.3)), np.float32)
