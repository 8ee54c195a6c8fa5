"""What is drawn before any pixel: patients, their bodies, their findings, their acquisitions.

Lengths are in cm. Every draw comes from a generator seeded by (seed, patient, image), so a case
does not depend on how many others there are or which process renders it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from medcnn.errors import ConfigError

FINDINGS = ("consolidation", "nodule", "pleural effusion", "cardiomegaly", "pneumothorax")
FINDING_SHARES = (0.25, 0.20, 0.20, 0.18, 0.17)
COUNT_SHARES = (0.72, 0.23, 0.05)
IMAGE_SHARES = (0.72, 0.20, 0.08)
MARKER_SHARE = 0.75
ACQUISITION = ("exposure", "contrast", "brightness", "marked", "mean_age")
"""Options by which another place is simulated."""


@dataclass(frozen=True)
class Options:
    """What the user chooses; the same options and seed give the same bytes.

    Attributes:
        n_images: Number of radiographs; some patients have two or three.
        size: Height and width in pixels.
        prevalence: Share of abnormal patients, in (0, 1).
        difficulty: 0 gives large, dense findings, 1 small and faint ones beside the normal
            variation.
        seed: Of everything.
        marker_bias: 0 leaves the side marker independent of the label, 1 burns it into abnormal
            images only: a shortcut to study.
        monochrome1: Share of images stored inverted (MONOCHROME1), in [0, 1].
        exposure: Of the dose, 1 as usual: 0.1 is a tenth of the photons, and the noise of that.
        contrast: Of the console's contrast, 1 as usual.
        brightness: Added to the stored values, in shares of the range.
        marked: Share of images with a side marker.
        mean_age: Of the patients; bones lose density from 45 on.
    """

    n_images: int = 1300
    size: int = 256
    prevalence: float = 0.5
    difficulty: float = 0.5
    seed: int = 0
    marker_bias: float = 0.0
    monochrome1: float = 0.3
    exposure: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0
    marked: float = MARKER_SHARE
    mean_age: float = 54.0

    def __post_init__(self) -> None:
        shares = ("difficulty", "marker_bias", "monochrome1", "marked")
        bounds: dict[str, tuple[float, float]] = {
            "n_images": (2, 1_000_000),
            "size": (64, 2048),
            "prevalence": (0.01, 0.99),
            "exposure": (0.001, 100.0),
            "contrast": (0.2, 3.0),
            "brightness": (-0.4, 0.4),
            "mean_age": (18.0, 92.0),
            **dict.fromkeys(shares, (0.0, 1.0)),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(
                    f"The phantom cannot have {name}={value}.",
                    expected=f"a value from {low} to {high}",
                    found=repr(value),
                    remedy=f"set data.source.{name}",
                )

    def as_dict(self) -> dict[str, Any]:
        """Return the options as plain values.

        An acquisition that is as usual is left out: a phantom that was made before acquisitions
        could be chosen is the same one, under the same name.
        """
        usual = {each.name: each.default for each in fields(self) if each.name in ACQUISITION}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in usual or value != usual[name]
        }


@dataclass(frozen=True)
class Body:
    """One patient's thorax; lengths in cm.

    Attributes:
        sex: ``M`` or ``F``.
        age: Years.
        scale: Of all lengths, 1 for an average man.
        depth: Front to back, without scale.
        chest: Half-width of the lungs at their widest.
        heart_ratio: Cardiothoracic ratio of the healthy heart.
        wall: Soft tissue lateral of the lungs.
        anatomy_seed: Of ribs, vessels and texture.
    """

    sex: str
    age: int
    scale: float
    depth: float
    chest: float
    heart_ratio: float
    wall: float
    anatomy_seed: int


@dataclass(frozen=True)
class Acquisition:
    """One exposure.

    Attributes:
        view: ``PA`` or ``AP``.
        field_cm: Width of the field of view.
        shift_cm: Of its centre, right and down.
        rotation_deg: Of the patient in the image plane.
        inspiration_cm: Diaphragm above (negative) or below its usual place.
        photons: Per pixel in the open beam.
        scatter_ratio: Scattered over primary radiation.
        gain: Contrast of the stored values.
        offset: Brightness of the stored values, in shares of the range.
        marker: ``L``, ``R`` or empty.
        monochrome1: Whether the stored values are inverted.
        window: Whether the file has a VOI window.
        collimated: Whether a black shutter surrounds the field.
        noise_seed: Of quantum noise and of where things lie in the image.
    """

    view: str
    field_cm: float
    shift_cm: tuple[float, float]
    rotation_deg: float
    inspiration_cm: float
    photons: float
    scatter_ratio: float
    gain: float
    offset: float
    marker: str
    monochrome1: bool
    window: bool
    collimated: bool
    noise_seed: int


@dataclass(frozen=True)
class Case:
    """One radiograph to be made."""

    patient: int
    number: int
    body: Body
    acquisition: Acquisition
    findings: tuple[str, ...] = field(default=())
    difficulty: float = 0.5
    size: int = 256

    @property
    def image_id(self) -> str:
        """The identifier, such as ``P00012_1``."""
        return f"P{self.patient:05d}_{self.number}"

    @property
    def label(self) -> int:
        """1 for any finding, else 0."""
        return int(bool(self.findings))


def plan(options: Options) -> list[Case]:
    """Return the cases of a data set, patient by patient."""
    cases: list[Case] = []
    patient = 0
    while len(cases) < options.n_images:
        rng = np.random.default_rng([options.seed, patient])
        findings = _findings(rng, options.prevalence)
        body = _body(rng, options.mean_age)
        images = 1 + int(rng.choice(len(IMAGE_SHARES), p=IMAGE_SHARES))
        for number in range(min(images, options.n_images - len(cases))):
            draw = np.random.default_rng([options.seed, patient, number])
            acquisition = _acquisition(draw, options, bool(findings))
            cases.append(
                Case(
                    patient,
                    number,
                    body,
                    acquisition,
                    findings,
                    options.difficulty,
                    options.size,
                )
            )
        patient += 1
    return cases


def _findings(rng: np.random.Generator, prevalence: float) -> tuple[str, ...]:
    abnormal = rng.random() < prevalence
    count = 1 + int(rng.choice(len(COUNT_SHARES), p=COUNT_SHARES))
    chosen = rng.choice(len(FINDINGS), size=count, replace=False, p=FINDING_SHARES)
    return tuple(FINDINGS[i] for i in sorted(chosen)) if abnormal else ()


def _body(rng: np.random.Generator, mean_age: float) -> Body:
    sex = "F" if rng.random() < 0.48 else "M"
    return Body(
        sex=sex,
        age=int(np.clip(rng.normal(mean_age, 17), 18, 92)),
        scale=float((0.93 if sex == "F" else 1.0) * rng.normal(1, 0.04)),
        depth=float(np.clip(rng.normal(22, 2.2), 18, 28)),
        chest=float(rng.normal(13.2, 0.6)),
        heart_ratio=float(rng.uniform(0.40, 0.49)),
        wall=float(np.clip(rng.normal(2.6, 0.7), 1.4, 4.5)),
        anatomy_seed=int(rng.integers(2**31)),
    )


def _acquisition(rng: np.random.Generator, options: Options, abnormal: bool) -> Acquisition:
    biased = rng.random() < options.marker_bias
    marked = rng.random() < options.marked
    side = "L" if rng.random() < 0.5 else "R"
    return Acquisition(
        view="PA" if rng.random() < 0.7 else "AP",
        field_cm=float(rng.uniform(31.5, 36.5)),
        shift_cm=(float(rng.normal(0, 0.8)), float(rng.normal(0.6, 0.8))),
        rotation_deg=float(rng.normal(0, 2.5)),
        inspiration_cm=float(rng.normal(0, 0.9)),
        photons=float(options.exposure * np.exp(rng.uniform(np.log(4e4), np.log(1.6e5)))),
        scatter_ratio=float(rng.uniform(0.25, 0.7)),
        gain=float(options.contrast * rng.uniform(0.75, 1.0)),
        offset=float(options.brightness + rng.uniform(-0.05, 0.05)),
        marker=side if (abnormal if biased else marked) else "",
        monochrome1=bool(rng.random() < options.monochrome1),
        window=bool(rng.random() < 0.6),
        collimated=bool(rng.random() < 0.15),
        noise_seed=int(rng.integers(2**31)),
    )
