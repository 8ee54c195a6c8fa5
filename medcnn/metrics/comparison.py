"""Two models, or a model and a reader, on the same cases.

The paired test of two AUROCs is ``medcnn.metrics.auroc.paired_delong``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from medcnn.metrics.bootstrap import Sample, bootstrap
from medcnn.metrics.cells import CellMetrics
from medcnn.metrics.estimate import BoolArray, Estimate, FloatArray, IntArray, by_cluster
from medcnn.metrics.proportions import (
    cluster_count,
    cluster_quantile,
    normal_quantile,
    wilson_bounds,
)


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two sets of decisions on the same cases.

    Attributes:
        only_first: Cases that only the first decides rightly.
        only_second: Cases that only the second decides rightly.
        exact: Two-sided exact binomial p-value.
        mid_p: Two-sided mid-p value, less conservative (Fagerland, Lydersen and Laake 2013).
        asymptotic: p-value of the chi-squared statistic without continuity correction.
        clustered: p-value of Obuchowski's form of that statistic, which lets cases of one cluster be
            alike (Statistics in Medicine 17 (1998) 1495-1507); None where no clusters were given.
        p_value: The one to report: ``clustered`` where there is one, otherwise ``mid_p``.
    """

    only_first: int
    only_second: int
    exact: float
    mid_p: float
    asymptotic: float
    clustered: float | None
    p_value: float


def mcnemar(
    first_right: IntArray, second_right: IntArray, cluster: IntArray | None = None
) -> McNemar:
    """Test whether two sets of decisions, 1 for right, are right equally often.

    Args:
        first_right: The first decisions.
        second_right: The second decisions.
        cluster: The patient of each case as integers from 0, where some have several.
    """
    first, second = np.asarray(first_right, dtype=bool), np.asarray(second_right, dtype=bool)
    b, c = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    n = b + c
    if n == 0:
        return McNemar(0, 0, 1.0, 1.0, 1.0, None if cluster is None else 1.0, 1.0)
    exact = min(1.0, 2 * float(stats.binom.cdf(min(b, c), n, 0.5)))
    # For b = c the doubled tail exceeds 1 by the point that both tails share.
    mid = 2 * float(stats.binom.cdf(min(b, c), n, 0.5)) - float(stats.binom.pmf(b, n, 0.5))
    mid = min(1.0, mid)
    asymptotic = float(stats.chi2.sf((b - c) ** 2 / n, 1))
    if cluster is None:
        return McNemar(b, c, exact, mid, asymptotic, None, mid)
    lead = np.bincount(cluster, weights=first.astype(float) - second)
    spread, clusters = float(lead @ lead), cluster_count(cluster)
    clustered = 1.0
    if spread > 0 and clusters > 1:
        clustered = float(stats.chi2.sf((b - c) ** 2 * (clusters - 1) / (clusters * spread), 1))
    return McNemar(b, c, exact, mid, asymptotic, clustered, clustered)


def paired_difference(
    first_right: IntArray,
    second_right: IntArray,
    level: float = 0.95,
    cluster: IntArray | None = None,
) -> Estimate:
    """Return the difference of two proportions on the same cases, first minus second.

    The score interval for paired data of Newcombe, Statistics in Medicine 17 (1998) 2635-2650,
    method 8: his method 10, with a correction for continuity, covers 98 % of 30 cases for 95, this
    one 95. With ``cluster``, the patient of each case as integers from 0, it is that of as many
    independent pairs as the clustered ones are worth, with Student's quantile.
    """
    method = by_cluster("newcombe-paired", cluster)
    cases = len(first_right)
    if cases == 0:
        return Estimate(None, None, method, "no cases")
    first, second = np.asarray(first_right, dtype=bool), np.asarray(second_right, dtype=bool)
    n, quantile, note = float(cases), normal_quantile(level), ""
    if cluster is not None:
        n, quantile = _effective_pairs(first, second, cluster), cluster_quantile(cluster, level)
        note = f"effective sample size {n:.0f} of {cases}"
    one, two = float(first.mean()), float(second.mean())
    # Scaled counts may exceed their sum in the last digit.
    (low_one, high_one), (low_two, high_two) = (
        np.abs(np.array(wilson_bounds(min(share * n, n), n, quantile)) - share)
        for share in (one, two)
    )
    phi = _phi(first, second)
    value = one - two
    low = math.sqrt(max(low_one**2 - 2 * phi * low_one * high_two + high_two**2, 0.0))
    high = math.sqrt(max(high_one**2 - 2 * phi * high_one * low_two + low_two**2, 0.0))
    return Estimate(value, (max(value - low, -1.0), min(value + high, 1.0)), method, note)


def _effective_pairs(first: BoolArray, second: BoolArray, cluster: IntArray) -> float:
    """Return how many independent pairs the clustered ones are worth, at most all of them."""
    lead = first.astype(np.float64) - second
    clusters = cluster_count(cluster)
    independent = float(np.var(lead)) / len(lead)
    if clusters < 2 or independent == 0:
        return float(clusters)
    excess = np.bincount(cluster, weights=lead - lead.mean())
    variance = clusters / (clusters - 1) * float(excess @ excess) / len(lead) ** 2
    return len(lead) / max(variance / independent, 1.0)


def _phi(first: BoolArray, second: BoolArray) -> float:
    """Return the correlation of the two, 0 where one of them is the same throughout."""
    spread = float(first.std() * second.std())
    both = float(np.mean(first & second)) - float(first.mean() * second.mean())
    return both / spread if spread > 0 else 0.0


def non_inferior(difference: Estimate, margin: float) -> bool | None:
    """Return whether the first is at most ``margin`` worse: the interval lies above ``-margin``.

    With a two-sided 95 % interval this is the one-sided test at 2.5 % (ICH E9). None where the
    difference has no interval.
    """
    if margin <= 0:
        raise ValueError(f"margin must be positive, found {margin}")
    return None if difference.ci is None else difference.ci[0] > -margin


def holm(p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return p-values corrected for their number by Holm's step-down; undefined ones stay so."""
    known = sorted((p, name) for name, p in p_values.items() if p is not None)
    corrected: dict[str, float | None] = dict.fromkeys(p_values)
    largest = 0.0
    for rank, (p, name) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        corrected[name] = largest
    return corrected


def holm_together(
    families: Sequence[Mapping[str, float | None]],
) -> list[dict[str, float | None]]:
    """Return the p-values of several families corrected for the number of all of them."""
    every = {f"{at} {name}": p for at, family in enumerate(families) for name, p in family.items()}
    corrected = holm(every)
    return [
        {name: corrected[f"{at} {name}"] for name in family} for at, family in enumerate(families)
    ]


def paired_cell_bootstrap(
    first: CellMetrics, second: CellMetrics, **options: Any
) -> dict[str, Estimate]:
    """Return the bootstrapped differences of the comparable ``CellMetrics``, first minus second.

    Both are resampled by the same cases or patients. ``options`` go to ``bootstrap``.
    """
    one, two = first.cells.sample, second.cells.sample

    def difference(weights: FloatArray) -> dict[str, FloatArray]:
        ours = first.comparable(weights[:, : one.cells])
        theirs = second.comparable(weights[:, one.cells :])
        return {name: ours[name] - theirs[name] for name in ours}

    cells = np.concatenate([one.cell, two.cell + one.cells])
    units = np.arange(len(one.cell)) if one.cluster is None else one.cluster
    both = Sample(cells, one.cells + two.cells, np.concatenate([units, units]))
    return bootstrap(difference, both, suffix=by_cluster("-paired", one.cluster), **options)
