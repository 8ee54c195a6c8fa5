"""A share over several sources: what it is on average, and where that of a further source will lie.

Each source i has a share of its own, normal on the logit scale around a common middle, and shows it in
counts:

    x_i ~ Binomial(n_i, p_i),   logit p_i ~ N(mu, tau²),   p_new the same.

Counts are taken as they are: logits of counts with a continuity correction, pooled by inverse
variance, hold much too seldom where shares are near 1 and cases are few (Stijnen, Hamza and Özdemir,
Statistics in Medicine 29, 2010). And tau, which few sources leave all but unknown, is integrated over
rather than estimated and believed (Higgins, Thompson and Spiegelhalter, JRSS A 172, 2009): the interval
of mu and the prediction interval are quantiles of their distributions given the counts. The prior is
Jeffreys' for the middle; for tau a tenth of it says that the sources do not differ, the rest is half a
t with 4 degrees of freedom. How often both hold was measured by ``scripts/coverage_new_site.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr

from medcnn.metrics.estimate import FloatArray

METHOD = "binomial-normal"
ALIKE = 0.1
"""Of the prior: the sources do not differ. Without it few alike sources get too wide an interval."""
TAU_SCALE = 1.5
TAU_FREEDOM = 4.0
_TAUS = 32
_MIDDLES = 61
_NODES = 9
_LARGEST_TAU = 5.0
_REACH = 6.0


@dataclass(frozen=True)
class Pooled:
    """A share over sources.

    Attributes:
        value: That of the middle source.
        ci: Interval of the middle.
        prediction: Where the share of a further source of the same kind will lie.
        tau: Standard deviation between sources on the logit scale, the median given the counts.
    """

    value: float
    ci: tuple[float, float]
    prediction: tuple[float, float]
    tau: float


def pool_shares(events: FloatArray, cases: FloatArray, level: float = 0.95) -> Pooled:
    """Return the share over sources, and what to expect of a further one.

    Args:
        events: Of each source; need not be whole, where cases are counted by what they are worth.
        cases: Of each source, all above 0.
        level: Of both intervals.
    """
    x, n = np.asarray(events, np.float64), np.asarray(cases, np.float64)
    middles, taus, weight = _posterior(x, n)
    tails = np.array([0.5, (1 - level) / 2, (1 + level) / 2])
    value, low, high = expit(_quantiles(middles, weight.sum(axis=1), tails))
    predicted = [_predicted(middles, taus, weight, tail) for tail in tails[1:]]
    tau = float(_quantiles(taus, weight.sum(axis=0), tails[:1])[0])
    return Pooled(
        float(value),
        (float(low), float(high)),
        (float(expit(predicted[0])), float(expit(predicted[1]))),
        tau,
    )


def _posterior(x: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return values of mu and of tau, and the probability of each pair, M×T."""
    taus = _LARGEST_TAU * np.linspace(0.002, 1, _TAUS) ** 2
    y = logit((x + 0.5) / (n + 1))
    centre, reach = float(np.median(y)), _REACH
    for _ in range(4):
        middles = np.linspace(centre - reach, centre + reach, _MIDDLES)
        log_weight = _log_likelihood(x, n, middles, taus)
        log_weight = log_weight + log_prior(middles, taus)
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        of_middle = weight.sum(axis=1)
        inside = middles[of_middle > 1e-5 * of_middle.max()]
        closer = float(np.ptp(inside)) / 2 + middles[1] - middles[0]
        centre = float(inside.mean())
        if closer > 0.5 * reach:
            break
        reach = closer
    return middles, taus, weight


def log_prior(middles: FloatArray, taus: FloatArray) -> FloatArray:
    """Return the logarithm of the prior of every pair, M×T.

    Of the increasing ``taus`` the first stands for sources that do not differ.
    """
    jeffreys = -0.5 * (np.logaddexp(0, -middles) + np.logaddexp(0, middles))
    half_t = (1 + (taus / TAU_SCALE) ** 2 / TAU_FREEDOM) ** (-(TAU_FREEDOM + 1) / 2)
    weight = half_t * np.gradient(taus)
    weight *= (1 - ALIKE) / weight.sum()
    weight[0] += ALIKE
    return np.asarray(jeffreys[:, None] + np.log(weight))


def _log_likelihood(
    x: FloatArray, n: FloatArray, middles: FloatArray, taus: FloatArray
) -> FloatArray:
    """Return the log-likelihood of all sources, M×T, by Gauss-Hermite nodes around each one's mode."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    middle, tau = middles[:, None], taus[None, :]
    total = np.zeros((len(middles), len(taus)))
    for events, cases in zip(x, n, strict=True):
        mode, width = _mode(events, cases, middle, tau)
        u = mode[..., None] + width[..., None] * nodes
        theta = middle[..., None] + tau[..., None] * u
        log_term = events * theta - cases * np.logaddexp(0, theta) - u**2 / 2 + nodes**2 / 2
        peak = log_term.max(axis=-1)
        total += peak + np.log((np.exp(log_term - peak[..., None]) * weights).sum(-1) * width)
    return total


def _mode(
    events: float, cases: float, middle: FloatArray, tau: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return where x·θ - n·log(1 + e^θ) - u²/2 with θ = mu + tau·u is highest, and its width there."""
    u = np.zeros(np.broadcast_shapes(middle.shape, tau.shape))
    for _ in range(60):
        p = expit(middle + tau * u)
        slope = tau * (events - cases * p) - u
        step = slope / (1 + tau**2 * cases * p * (1 - p))
        u = u + np.clip(step, -0.5, 0.5)
        if np.abs(step).max() < 1e-6:
            break
    p = expit(middle + tau * u)
    return u, 1 / np.sqrt(1 + tau**2 * cases * p * (1 - p))


def _quantiles(values: FloatArray, weight: FloatArray, tails: FloatArray) -> FloatArray:
    """Return quantiles of a distribution given on a grid, half of each weight below its value."""
    below = np.cumsum(weight) - weight / 2
    return np.interp(tails, below / weight.sum(), values)


def _predicted(middles: FloatArray, taus: FloatArray, weight: FloatArray, tail: float) -> float:
    spread = np.hypot(taus, (middles[1] - middles[0]) / 3)

    def beyond(at: float) -> float:
        return float((weight * ndtr((at - middles[:, None]) / spread)).sum()) - tail

    far = 40 * float(spread.max())
    return float(brentq(beyond, middles[0] - far, middles[-1] + far, xtol=1e-6))
