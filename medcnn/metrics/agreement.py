"""Agreement of two readers, or of a model and a reader, beyond chance."""

from __future__ import annotations

import math

import numpy as np

from medcnn.metrics.estimate import Estimate, IntArray, undefined
from medcnn.metrics.proportions import cluster_count, normal_quantile


def kappa(
    first: IntArray, second: IntArray, level: float = 0.95, cluster: IntArray | None = None
) -> Estimate:
    """Return Cohen's kappa of two sets of 0/1 decisions on the same cases.

    The standard error is that of Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969)
    323-327, which is the delta method; each case's share of it is summed within clusters first,
    where there are any.

    Args:
        first: The first decisions.
        second: The second decisions.
        level: Nominal coverage.
        cluster: The patient of each case as integers from 0.
    """
    method = "fleiss-cohen-everitt" + ("" if cluster is None else "-clustered")
    n = len(first)
    if n == 0:
        return undefined(method, "no cases")
    one, two = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    row, column = (np.bincount(decided, minlength=2) / n for decided in (one, two))
    observed, chance = float(np.mean(one == two)), float(row @ column)
    if chance == 1:
        return undefined(method, "both decide the same for every case")
    value = (observed - chance) / (1 - chance)
    expected = column[one] + row[two] - 2 * chance
    influence = ((one == two) - observed - (1 - value) * expected) / (1 - chance)
    if cluster is None:
        variance = float(influence @ influence) / n**2
    else:
        clusters = cluster_count(cluster)
        if clusters < 2:
            return Estimate(value, None, method, "one patient has no variance")
        summed = np.bincount(cluster, weights=influence)
        variance = clusters / (clusters - 1) * float(summed @ summed) / n**2
    half = normal_quantile(level) * math.sqrt(variance)
    return Estimate(value, (max(value - half, -1.0), min(value + half, 1.0)), method)
