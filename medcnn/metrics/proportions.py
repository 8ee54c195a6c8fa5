"""Log-odds, and intervals of a proportion: Wilson, Clopper-Pearson, Agresti-Coull, clustered cases."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from medcnn.errors import unknown_name
from medcnn.metrics.estimate import BoolArray, Estimate, FloatArray, IntArray, undefined

METHODS = ("wilson", "clopper_pearson", "agresti_coull")


def normal_quantile(level: float) -> float:
    """Return the two-sided standard normal quantile, 1.96 for ``level`` 0.95."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie within (0, 1), found {level}")
    return float(special.ndtri(0.5 + level / 2))


def log_odds(p: FloatArray, margin: float = 1e-12) -> FloatArray:
    """Return log(p / (1 - p)); ``p`` is held ``margin`` away from 0 and 1, so that all is finite.

    >>> log_odds(np.array([0.5])).tolist()
    [0.0]
    """
    return np.asarray(special.logit(np.clip(p, margin, 1 - margin)))


def proportion(successes: float, n: float, method: str = "wilson", level: float = 0.95) -> Estimate:
    """Return ``successes / n`` with its interval; undefined where ``n`` is 0.

    Wilson (1927) is the default: its coverage stays near the nominal level for small ``n`` and
    proportions near 1, where the Wald interval collapses (Brown, Cai and DasGupta 2001).

    >>> [round(bound, 4) for bound in proportion(81, 263).to_json()["ci"]]
    [0.2553, 0.3662]

    Raises:
        ConfigError: If there is no such method.
        ValueError: If the counts are impossible.
    """
    if method not in METHODS:
        raise unknown_name("interval method", method, METHODS)
    if not 0 <= successes <= n:
        raise ValueError(f"successes must lie within [0, n], found {successes} of {n}")
    if n == 0:
        return undefined(method, "no cases")
    if method == "clopper_pearson":
        low, high = _exact(successes, n, level)
    else:
        interval = wilson_bounds if method == "wilson" else _agresti_coull
        low, high = interval(successes, n, normal_quantile(level))
    return Estimate(successes / n, (max(low, 0.0), min(high, 1.0)), method)


def clustered_proportion(
    hit: IntArray | FloatArray, cluster: IntArray, level: float = 0.95
) -> Estimate:
    """Return a proportion whose cases come in clusters, such as the images of a patient.

    The Wilson interval at the effective sample size, with Student's quantile for as many clusters
    less one: the normal one covers 93.5 % of 30 to 60 patients for 95
    (``scripts/benchmark_intervals.py``; Dean and Pagano, Journal of Survey Statistics and
    Methodology 3 (2015) 484-503).

    Args:
        hit: 1 for a success, 0 for a failure.
        cluster: The cluster of each case, as integers from 0.
        level: Nominal coverage.
    """
    method = "wilson-clustered"
    if len(hit) == 0:
        return undefined(method, "no cases")
    value = float(np.mean(hit))
    effective = effective_size(hit, cluster)
    low, high = wilson_bounds(value * effective, effective, cluster_quantile(cluster, level))
    note = f"effective sample size {effective:.0f} of {len(hit)}"
    return Estimate(value, (max(low, 0.0), min(high, 1.0)), method, note)


def share(
    hit: BoolArray | IntArray | FloatArray, cluster: IntArray | None = None, level: float = 0.95
) -> Estimate:
    """Return the share of hits among cases, by clusters where they are given; both by Wilson."""
    hits = np.asarray(hit, dtype=np.float64)
    if cluster is None:
        return proportion(float(hits.sum()), len(hits), level=level)
    return clustered_proportion(hits, cluster, level)


def cluster_count(cluster: IntArray) -> int:
    """Return how many clusters occur; far quicker than a sort, as clusters are small integers."""
    return int(np.count_nonzero(np.bincount(cluster)))


def subset(cluster: IntArray | None, chosen: BoolArray | IntArray | slice) -> IntArray | None:
    """Return the clusters of the chosen cases; None where every case stands for itself."""
    return None if cluster is None else cluster[chosen]


def cluster_quantile(cluster: IntArray, level: float) -> float:
    """Return Student's two-sided quantile for the number of clusters less one, at least 1."""
    return float(special.stdtrit(max(cluster_count(cluster) - 1, 1), 0.5 + level / 2))


def effective_size(hit: IntArray | FloatArray, cluster: IntArray) -> float:
    """Return how many independent cases the clustered ones are worth: ``n / design effect``.

    The design effect is the variance of the ratio estimator over clusters relative to the binomial
    (Rao and Scott, Biometrics 48 (1992) 577-585), never taken below 1. Where all cases agree it is
    unknown, and each cluster counts as one case.
    """
    n = len(hit)
    clusters = cluster_count(cluster)
    value = float(np.mean(hit)) if n else 0.0
    binomial = value * (1 - value) / max(n, 1)
    if clusters < 2 or binomial == 0:
        return float(clusters)
    excess = np.bincount(cluster, weights=hit - value)
    variance = clusters / (clusters - 1) * float(excess @ excess) / n**2
    return n / max(variance / binomial, 1.0)


def wilson_bounds(successes: float, n: float, z: float) -> tuple[float, float]:
    """Return Wilson's bounds of ``successes / n`` for a quantile ``z``, 1.96 for 95 %."""
    value = successes / n
    centre = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n))
    # The bounds at 0 and 1 are exact; rounding would leave 1e-17 of a gap.
    low = 0.0 if successes == 0 else centre - half
    return low, 1.0 if successes == n else centre + half


def _exact(successes: float, n: float, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(special.betaincinv(successes, n - successes + 1, tail))
    if successes == n:
        return low, 1.0
    return low, float(special.betaincinv(successes + 1, n - successes, 1 - tail))


def _agresti_coull(successes: float, n: float, z: float) -> tuple[float, float]:
    padded = n + z * z
    value = (successes + z * z / 2) / padded
    half = z * math.sqrt(value * (1 - value) / padded)
    return value - half, value + half
