"""Effects of several sources under the usual normal approximation: their mean, and how they differ.

Random effects with the variance between sources by restricted maximum likelihood, the interval of the
mean by Hartung and Knapp, and Higgins and Thompson's I², the part of the spread that sampling does not
explain (Riley, Higgins and Deeks, BMJ 342 (2011) d549; Viechtbauer, J. Stat. Software 36(3), 2010).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from medcnn.metrics.estimate import FloatArray

_ROUNDS = 500


@dataclass(frozen=True)
class RandomEffects:
    """What normal random effects say.

    Attributes:
        mean: Of the effects.
        ci: Its interval by Hartung and Knapp.
        tau2: Variance between sources.
        q: Cochran's Q.
        i2: (Q - (k - 1)) / Q, at least 0.
    """

    mean: float
    ci: tuple[float, float]
    tau2: float
    q: float
    i2: float


def random_effects(effect: FloatArray, variance: FloatArray, level: float = 0.95) -> RandomEffects:
    """Return the random-effects summary of at least two effects with known variances."""
    y, v = np.asarray(effect, np.float64), np.asarray(variance, np.float64)
    tau2 = _restricted(y, v)
    weight = 1 / (v + tau2)
    mean = float(weight @ y / weight.sum())
    freedom = len(y) - 1
    error = np.sqrt(weight @ (y - mean) ** 2 / freedom / weight.sum())
    half = float(stdtrit(freedom, 0.5 + level / 2) * error)
    fixed = 1 / v
    q = float(fixed @ (y - fixed @ y / fixed.sum()) ** 2)
    i2 = max(0.0, (q - freedom) / q) if q > 0 else 0.0
    return RandomEffects(mean, (mean - half, mean + half), tau2, q, i2)


def _restricted(y: FloatArray, v: FloatArray) -> float:
    """Return the restricted maximum likelihood estimate by its fixed point, held at 0 or above."""
    tau2 = max(float(y.var(ddof=1) - v.mean()), 0.0)
    for _ in range(_ROUNDS):
        weight = 1 / (v + tau2)
        excess = (y - weight @ y / weight.sum()) ** 2 - v
        found = max(float(weight**2 @ excess / (weight**2).sum() + 1 / weight.sum()), 0.0)
        if abs(found - tau2) < 1e-12:
            return found
        tau2 = found
    return tau2
