"""The detector of foreign images that a run keeps: features, pixels, and their thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.calibration.input_checks import (
    InputReference,
    fact_reasons,
    pixel_reasons,
)
from medcnn.calibration.out_of_distribution import (
    SCORES,
    FeatureReference,
    energy,
    one_minus_max_probability,
    quantile_threshold,
)
from medcnn.errors import unknown_name
from medcnn.files.arrays import ARCHIVE_ERRORS, packed, read_arrays, unpacked
from medcnn.files.plain import damaged
from medcnn.io.facts import Facts
from medcnn.metrics.estimate import FloatArray
from medcnn.run.directory import atomic_path

SCORE, FLAG, REASONS = "ood_score", "out_of_distribution", "ood_reasons"
MOST_BYTES = 2**30
"""What the arrays of a detector may unfold to; those of 2000 images with 2048 features are 30 MB."""


@dataclass(frozen=True)
class Measured:
    """What is measured of N images: features N×D, logit N, probability N, deviations N×S."""

    features: FloatArray
    logit: FloatArray
    p: FloatArray
    deviations: FloatArray


@dataclass(frozen=True)
class Detector:
    """Flags what lies outside the training data.

    Attributes:
        score: The feature score that ``ood_score`` holds, one of ``SCORES``.
        threshold: Above it a score is foreign.
        limit: Above so many spreads a pixel statistic is foreign.
        quantile: The share of validation that is not flagged.
        features: Reference of the training features.
        inputs: Reference of the training pixels.
    """

    score: str
    threshold: float
    limit: float
    quantile: float
    features: FeatureReference
    inputs: InputReference

    def flag(self, measured: Measured, facts: Sequence[Facts] | None = None) -> pd.DataFrame:
        """Return ``ood_score``, ``out_of_distribution`` (0 or 1) and ``ood_reasons`` of N images.

        Args:
            measured: What was measured of them.
            facts: The facts of their files, where there are files.
        """
        score = score_of(self.score, self.features, measured)
        reasons = []
        for row, value in enumerate(score):
            found = fact_reasons(facts[row], self.inputs.views) if facts is not None else []
            found += pixel_reasons(self.inputs, measured.deviations[row], self.limit)
            if value > self.threshold:
                found.append(f"{self.score} {value:.3g} above {self.threshold:.3g}")
            reasons.append("; ".join(found))
        flag = np.array([int(bool(text)) for text in reasons], dtype=np.int64)
        return pd.DataFrame({SCORE: score, FLAG: flag, REASONS: reasons})

    def save(self, path: Path) -> None:
        """Write the detector as plain arrays, atomically."""
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **cast("dict[str, Any]", packed(self)))

    @classmethod
    def load(cls, path: Path) -> Detector:
        """Return the detector in a file; no code is unpickled.

        Raises:
            DataError: If the file is damaged.
        """
        expected = "the plain arrays that training left"
        remedy = "train again, or remove the file: nothing is flagged then"
        arrays = read_arrays(path, most_bytes=MOST_BYTES, expected=expected, remedy=remedy)
        try:
            _check_finite(arrays)
            return unpacked(cls, arrays)
        except ARCHIVE_ERRORS as error:
            raise damaged(
                path, "detector of foreign images", expected, error, "", remedy
            ) from error


def fit_detector(
    score: str, features: FeatureReference, inputs: InputReference, val: Measured, quantile: float
) -> Detector:
    """Return the detector whose thresholds leave ``quantile`` of validation unflagged.

    Features and pixels share what is flagged, half each.

    Raises:
        ConfigError: If there is no such score.
    """
    each = 1 - (1 - quantile) / 2
    threshold = quantile_threshold(score_of(score, features, val), each)
    limit = quantile_threshold(np.abs(val.deviations).max(axis=1), each)
    return Detector(score, threshold, limit, quantile, features, inputs)


def score_of(name: str, features: FeatureReference, measured: Measured) -> FloatArray:
    """Return one of the ``SCORES`` of N images, higher for what is more foreign.

    Raises:
        ConfigError: If there is no such score.
    """
    if name == "mahalanobis":
        return features.mahalanobis(measured.features)
    if name == "knn":
        return features.knn(measured.features)
    if name == "energy":
        return energy(measured.logit)
    if name == "max_probability":
        return one_minus_max_probability(measured.p)
    raise unknown_name("score of foreign images", name, SCORES)


def _check_finite(arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")
