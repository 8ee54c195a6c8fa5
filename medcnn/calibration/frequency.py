"""How often images that score like this one are abnormal: an interval from validation.

The interval assumes one thing of the network: that the share of abnormal images never falls as the
probability that it gives rises. Then the k validation images next below a probability are abnormal at
most as often as images at it, and the k next above at least as often, so that Clopper and Pearson's
one-sided bounds from these two neighbourhoods hold the truth, whatever the calibrator and however few
the images. Dimitriadis, Dümbgen, Henzi, Puke and Ziegel (Honest calibration assessment for binary
outcome predictions, Biometrika 110 (2023) 663-680) build a band for all probabilities at once from
the same neighbourhoods; this is the interval for one image, narrower, and read one at a time. That
binomial bounds stay valid where the neighbours' frequencies differ is Hoeffding's theorem 4 (On the
distribution of the number of successes in independent trials, Annals of Mathematical Statistics 27
(1956) 713-721).

Legend: V validation cases, N new ones, K sizes of neighbourhoods.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betaincinv

from medcnn.metrics.estimate import FloatArray, IntArray

LEVEL = 0.95
SMALLEST = 16
STEP = 4
METHOD = "monotone neighbourhoods, Clopper-Pearson"
ROUNDING = 1e-8
"""Probabilities this near count as equal: a predictions file holds nine digits."""


@dataclass(frozen=True)
class FrequencyBand:
    """The bounds between any two neighbouring validation probabilities.

    Attributes:
        probabilities: Of validation, rising.
        low: Lower bound of an image with v validation images at or below it, for v from 0 to V.
        high: Upper bound of an image with v validation images below it, for v from 0 to V.
        level: Nominal coverage at each probability.
    """

    probabilities: FloatArray
    low: FloatArray
    high: FloatArray
    level: float = LEVEL

    def interval(self, p_N: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the bounds of the frequency of abnormal at each probability; NaN for NaN."""
        p = np.asarray(p_N, dtype=np.float64)
        low = self.low[np.searchsorted(self.probabilities, p + ROUNDING, side="right")]
        high = self.high[np.searchsorted(self.probabilities, p - ROUNDING, side="left")]
        unknown = np.isnan(p)
        return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def fit_frequency(
    p_V: npt.ArrayLike, label_V: npt.ArrayLike, level: float = LEVEL
) -> FrequencyBand:
    """Return the band of independent validation cases.

    Args:
        p_V: Their probabilities.
        label_V: 0 normal, 1 abnormal.
        level: Nominal coverage at each probability, shared by all sizes of neighbourhood.

    Raises:
        ValueError: If the level is not within (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie within (0, 1), found {level}")
    p = np.asarray(p_V, dtype=np.float64)
    label = np.asarray(label_V, dtype=np.int64)
    order = np.argsort(p, kind="stable")
    p, label = p[order], label[order]
    sizes = _sizes(len(p))
    tail = (1 - level) / 2 / len(sizes)
    low = np.max([_lower(label, k, tail) for k in sizes], axis=0)
    # Seen from above, and counting normal images, the upper bound is a lower one.
    high = 1 - np.max([_lower(1 - label[::-1], k, tail) for k in sizes], axis=0)[::-1]
    return FrequencyBand(p, low, high, level)


def frequency_of(val: pd.DataFrame, level: float = LEVEL, seed: int = 0) -> FrequencyBand:
    """Return the band of validation predictions, with one image drawn of each patient.

    Images of a patient resemble each other and would make the interval too narrow.
    """
    drawn = val.sample(frac=1.0, random_state=seed)
    one = drawn[~drawn["patient_id"].duplicated()]
    return fit_frequency(one["p_abnormal"].to_numpy(), one["label"].to_numpy(), level)


def _sizes(cases: int) -> list[int]:
    """Return the sizes of neighbourhoods: 16, 64, 256, … up to the number of cases."""
    sizes = [SMALLEST]
    while sizes[-1] * STEP <= cases:
        sizes.append(sizes[-1] * STEP)
    return sizes


def _lower(label_V: IntArray, size: int, tail: float) -> FloatArray:
    """Return the lower bound from the ``size`` cases before each of V + 1 places; 0 without any."""
    total = np.concatenate([[0], np.cumsum(label_V)])
    end = np.arange(len(total))
    start = np.maximum(end - size, 0)
    hits, count = total - total[start], end - start
    # The quantile of Beta(hits, count - hits + 1); without a hit the bound is 0.
    bound = betaincinv(np.maximum(hits, 1), count - hits + 1, tail)
    return np.where(hits > 0, bound, 0.0)
