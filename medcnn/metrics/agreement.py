"""Agreement of two sets of 0/1 decisions on the same cases: kappa, Matthews' correlation, F1.

A reader may stand for the second set, or the reference standard.
"""

from __future__ import annotations

import numpy as np

from medcnn.metrics.estimate import Estimate, FloatArray, IntArray, by_cluster, undefined
from medcnn.metrics.influence import FISHER, interval
from medcnn.metrics.proportions import cluster_count, proportion, share, subset


def kappa(
    first: IntArray, second: IntArray, level: float = 0.95, cluster: IntArray | None = None
) -> Estimate:
    """Return Cohen's kappa of two sets of 0/1 decisions on the same cases.

    The standard error is that of Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969)
    323-327, which is the delta method; each case's share of it is summed within clusters first,
    where there are any. The interval is made on Fisher's z scale: the plain one covers 93 % of 100
    cases for 95, this one 95 (``scripts/benchmark_intervals.py``).

    Args:
        first: The first decisions.
        second: The second decisions.
        level: Nominal coverage.
        cluster: The patient of each case as integers from 0.
    """
    method = "fleiss-cohen-everitt"
    n = len(first)
    if n == 0:
        return undefined(by_cluster(method, cluster), "no cases")
    one, two = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    row, column = (np.bincount(decided, minlength=2) / n for decided in (one, two))
    observed, chance = float(np.mean(one == two)), float(row @ column)
    if chance == 1:
        return undefined(by_cluster(method, cluster), "both decide the same for every case")
    value = (observed - chance) / (1 - chance)
    if value == 1:
        return _perfect(n, chance, level, method, cluster)
    expected = column[one] + row[two] - 2 * chance
    influence = ((one == two) - observed - (1 - value) * expected) / (1 - chance)
    return _correlation(value, influence, level, method, cluster)


def matthews(
    first: IntArray, second: IntArray, level: float = 0.95, cluster: IntArray | None = None
) -> Estimate:
    """Return Matthews' correlation (phi) with its delta interval on Fisher's z scale.

    Undefined where either decides the same for every case. Arguments as for ``kappa``.
    """
    method = "delta-z"
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if len(one) == 0 or one.min() == one.max() or two.min() == two.max():
        return undefined(by_cluster(method, cluster), "one side decides the same for every case")
    left, right = ((x - x.mean()) / x.std() for x in (one, two))
    value = float(np.mean(left * right))
    if np.array_equal(one, two):
        share_of = float(one.mean())
        return _perfect(len(one), share_of**2 + (1 - share_of) ** 2, level, method, cluster)
    influence = left * right - value * (left**2 + right**2) / 2
    return _correlation(value, influence, level, method, cluster)


def f1(
    first: IntArray, second: IntArray, level: float = 0.95, cluster: IntArray | None = None
) -> Estimate:
    """Return F1, the Dice coefficient of two sets of positives, from Wilson's interval of Jaccard's.

    Of the cases that either calls positive, Jaccard's index J is the share that both do: a plain
    proportion. F1 is 2J / (1 + J), and its bounds those of J. Arguments as for ``kappa``.
    """
    one, two = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    either = one | two
    both = share((one & two)[either], subset(cluster, either), level)
    method = both.method.replace("wilson", "wilson-dice")
    if both.value is None or both.ci is None:
        return undefined(method, "nothing was called abnormal, and nothing is")
    value, low, high = (2 * j / (1 + j) for j in (both.value, *both.ci))
    return Estimate(value, (low, high), method, both.note)


def _correlation(
    value: float, influence: FloatArray, level: float, method: str, cluster: IntArray | None
) -> Estimate:
    """Return a correlation-like value from -1 to 1 with the interval of its Fisher transform."""
    if value <= -1:
        note = "complete disagreement has no variance"
        return Estimate(value, None, by_cluster(method, cluster), note)
    return interval(value, influence, method, scale=FISHER, cluster=cluster, level=level)


def _perfect(
    n: int, chance: float, level: float, method: str, cluster: IntArray | None
) -> Estimate:
    """Return 1 with the lower bound that the exact bound of the share of agreement leaves."""
    units = n if cluster is None else cluster_count(cluster)
    agreement = proportion(units, units, "clopper_pearson", level)
    if agreement.ci is None:
        raise AssertionError("a proportion of n > 0 cases has an interval")
    low = max((agreement.ci[0] - chance) / (1 - chance), -1.0)
    note = f"no disagreement: exact binomial bound from {units}"
    return Estimate(1.0, (low, 1.0), by_cluster(method, cluster), note)
