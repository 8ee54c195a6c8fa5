"""Agreement of two readers, or of a model and a reader, beyond chance."""

from __future__ import annotations

import math

import numpy as np

from medcnn.metrics.estimate import Estimate, IntArray, undefined
from medcnn.metrics.proportions import normal_quantile


def kappa(first: IntArray, second: IntArray, level: float = 0.95) -> Estimate:
    """Return Cohen's kappa of two sets of 0/1 decisions on the same cases.

    The standard error is that of Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969)
    323-327.
    """
    n = len(first)
    if n == 0:
        return undefined("fleiss-cohen-everitt", "no cases")
    table = np.bincount(2 * np.asarray(first) + np.asarray(second), minlength=4).reshape(2, 2) / n
    row, column = table.sum(axis=1), table.sum(axis=0)
    observed, chance = float(np.trace(table)), float(row @ column)
    if chance == 1:
        return undefined("fleiss-cohen-everitt", "both decide the same for every case")
    value = (observed - chance) / (1 - chance)
    diagonal = np.diag(table) @ np.square(1 - (row + column) * (1 - value))
    crossed = table * np.square(column[:, None] + row[None, :])
    off = (1 - value) ** 2 * (crossed.sum() - np.trace(crossed))
    variance = (diagonal + off - (value - chance * (1 - value)) ** 2) / (n * (1 - chance) ** 2)
    half = normal_quantile(level) * math.sqrt(max(float(variance), 0.0))
    ci = (max(value - half, -1.0), min(value + half, 1.0))
    return Estimate(value, ci, "fleiss-cohen-everitt")
