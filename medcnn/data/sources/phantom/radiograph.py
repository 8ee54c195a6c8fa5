"""From path lengths to stored values: attenuation, scatter, quantum noise, exposure, marker."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from medcnn.data.sources.phantom.anatomy import Thorax, build_thorax
from medcnn.data.sources.phantom.frame import Map, make_frame
from medcnn.data.sources.phantom.lesions import LESIONS, mask_of_heart
from medcnn.data.sources.phantom.plan import FINDINGS, Case
from medcnn.data.sources.phantom.skeleton import add_skeleton
from medcnn.data.sources.phantom.vessels import add_vessels

# Effective linear attenuation at about 70 keV, in 1/cm; lung at a quarter of water's density.
WATER_PER_CM = 0.185
LUNG_PER_CM = 0.052
BONE_EXTRA_PER_CM = 0.30
SCATTER_CM = 3.0
DETECTOR_BLUR_CM = 0.05
AERATED_CM = 6.0
BITS = 12
TOP = 2**BITS - 1


@dataclass(frozen=True)
class Radiograph:
    """One simulated exposure.

    Attributes:
        stored: uint16 in 0..4095, as the file holds it (inverted for MONOCHROME1).
        mask: uint8; bit i is set where finding i of ``FINDINGS`` is.
        window: Centre and width for the stored values.
        spacing_mm: Of the pixels.
    """

    stored: NDArray[np.uint16]
    mask: NDArray[np.uint8]
    window: tuple[float, float]
    spacing_mm: float


def render(case: Case) -> Radiograph:
    """Return the radiograph of a case."""
    rng = np.random.default_rng([case.acquisition.noise_seed, 7])
    thorax, mask = _patient(case, rng)
    values = _log_signal(case, thorax, rng)
    stored, window = _stored(case, values, thorax.lung > AERATED_CM, rng)
    return Radiograph(stored, mask, window, thorax.frame.spacing * 10)


def _patient(case: Case, rng: np.random.Generator) -> tuple[Thorax, NDArray[np.uint8]]:
    frame = make_frame(case.size, case.acquisition)
    strengths = {name: _strength(case, rng) for name in FINDINGS}
    ratio = case.body.heart_ratio
    if "cardiomegaly" in case.findings:
        ratio = 0.53 + 0.13 * strengths["cardiomegaly"]
    thorax = build_thorax(case, frame, ratio)
    add_vessels(thorax, case.body)
    mask = np.zeros((case.size, case.size), np.uint8)
    for bit, name in enumerate(FINDINGS):
        if name not in case.findings:
            continue
        if name == "cardiomegaly":
            where = mask_of_heart(thorax)
        else:
            where = LESIONS[name](thorax, rng, strengths[name])
        mask |= (where > 0).astype(np.uint8) << bit
    add_skeleton(thorax, case.body, case.acquisition.view)
    return thorax, mask


def _strength(case: Case, rng: np.random.Generator) -> float:
    return float(np.clip(rng.normal(0.95 - 0.8 * case.difficulty, 0.2), 0.05, 1.0))


def _log_signal(case: Case, thorax: Thorax, rng: np.random.Generator) -> Map:
    """Return the negative logarithm of the detected signal: dense tissue is high."""
    frame, shot = thorax.frame, case.acquisition
    lung = np.maximum(thorax.lung - thorax.vessels, 0)
    water = np.maximum(thorax.body - thorax.lung - thorax.fluid - thorax.air, 0)
    water = water + thorax.fluid + thorax.vessels
    attenuation = WATER_PER_CM * water + LUNG_PER_CM * lung + BONE_EXTRA_PER_CM * thorax.bone
    primary = np.exp(-attenuation).astype(np.float32)
    heel = (
        1 + np.float32(rng.normal(0, 0.004)) * frame.y + np.float32(rng.normal(0, 0.004)) * frame.x
    )
    primary = frame.blurred((primary * heel).astype(np.float32), DETECTOR_BLUR_CM)
    scatter = frame.blurred(primary, SCATTER_CM) * np.float32(shot.scatter_ratio)
    expected = (primary + scatter) * np.float32(shot.photons)
    counts = rng.poisson(np.maximum(expected, 1.0)).astype(np.float32)
    return np.asarray(-np.log(np.maximum(counts, 1.0) / np.float32(shot.photons)), np.float32)


def _stored(
    case: Case, values: Map, aerated: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[NDArray[np.uint16], tuple[float, float]]:
    shot = case.acquisition
    dark, bright = _exposure_range(values, aerated)
    shares = (values - dark) / (bright - dark)
    # A console lifts local contrast a little (multi-frequency processing) and bends both ends.
    local = cv2.GaussianBlur(shares, (0, 0), case.size / 16, borderType=cv2.BORDER_REPLICATE)
    shares = local + (shares - local) * np.float32(1.2)
    contrast = np.float32(3.4 * shot.gain)
    shares = 1 / (1 + np.exp(-contrast * (shares - np.float32(0.5 - shot.offset))))
    if shot.marker:
        _burn(shares, shot.marker, rng)
    if shot.collimated:
        _shutter(shares, rng)
    stored = np.clip(np.rint(shares * TOP), 0, TOP)
    stored = (TOP - stored if shot.monochrome1 else stored).astype(np.uint16)
    lowest, highest = np.percentile(stored[::2, ::2], (0.5, 99.8))
    width = max(float(np.rint((highest - lowest) * rng.uniform(0.95, 1.15))), 256.0)
    return stored, (float(np.rint((lowest + highest) / 2)), width)


def _exposure_range(values: Map, aerated: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the signals of well-aerated lung and of dense tissue, as an exposure control does."""
    lung = values[aerated] if aerated.any() else values
    bright = float(np.percentile(values[::2, ::2], 97))
    return min(float(np.percentile(lung, 20)), bright - 0.5), bright


def _burn(shares: Map, marker: str, rng: np.random.Generator) -> None:
    """Draw the side marker in lead on the side it names, outside the lungs."""
    size = shares.shape[0]
    scale = size / 256 * rng.uniform(0.55, 0.85)
    across = rng.uniform(0.03, 0.10) * size
    column = across if marker == "R" else size - across - 18 * scale
    row = rng.uniform(0.07, 0.30) * size
    canvas = np.zeros(shares.shape, np.uint8)
    origin, thickness = (int(column), int(row)), max(round(1.8 * scale), 1)
    cv2.putText(
        canvas, marker, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_AA
    )
    share = canvas.astype(np.float32) / np.float32(255)
    shares *= 1 - share
    shares += share * np.float32(rng.uniform(0.95, 1.05))


def _shutter(shares: Map, rng: np.random.Generator) -> None:
    size = shares.shape[0]
    top, bottom, left, right = (int(v) for v in rng.uniform(0, 0.05, 4) * size)
    open_field = np.zeros(shares.shape, bool)
    open_field[top : size - bottom, left : size - right] = True
    shares[~open_field] = 0.0
