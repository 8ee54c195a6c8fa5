"""Bootstrap intervals by cases or by patients: vectorised, seeded, bounded in memory.

Cases are first reduced to cells of equal score and label (``medcnn.metrics.cells``), so that one
replicate is a vector of cell weights and a statistic is evaluated for many replicates at once.
BCa: Efron, JASA 82 (1987) 171-185, the acceleration from a grouped jackknife. Resampling whole
patients: Field and Welsh, JRSS B 69 (2007) 369-390.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from medcnn.metrics.estimate import Estimate, FloatArray, IntArray, by_cluster, undefined

Statistics = Callable[[FloatArray], dict[str, FloatArray]]
"""From an R×C array of cell weights to R values of each named statistic, NaN where undefined."""

JACKKNIFE_GROUPS = 200
CHUNK = 2_000_000  # weights held at once, 16 MB


@dataclass(frozen=True)
class Sample:
    """Which cell and which cluster each of the N cases belongs to.

    Attributes:
        cell: N cells, integers from 0.
        cells: The number of cells C.
        cluster: N clusters, integers from 0 without gaps; None where every case is its own.
    """

    cell: IntArray
    cells: int
    cluster: IntArray | None = None

    @property
    def units(self) -> int:
        """The number of things that are resampled: cases or clusters."""
        return len(self.cell) if self.cluster is None else int(self.cluster.max()) + 1

    def weigh(self, units: IntArray) -> FloatArray:
        """Return the cell weights of a resample that draws ``units``."""
        if self.cluster is None:
            return _count(self.cell[units], self.cells)
        drawn = np.bincount(units, minlength=self.units)
        return _count(self.cell, self.cells, drawn.astype(np.float64)[self.cluster])


def replicates_for(n: int) -> int:
    """Return how many replicates ``n`` cases are given: 2000 up to 50,000 cases, at least 500."""
    return int(np.clip(100_000_000 // max(n, 1), 500, 2000))


def bootstrap(
    statistics: Statistics,
    sample: Sample,
    *,
    replicates: int | None = None,
    level: float = 0.95,
    seed: int = 0,
    suffix: str | None = None,
) -> dict[str, Estimate]:
    """Return the BCa interval of each statistic.

    Args:
        statistics: What to estimate; see ``Statistics``.
        sample: The cases and what is resampled.
        replicates: The number of resamples; by default what ``replicates_for`` says.
        level: Nominal coverage.
        seed: Seed of the resampling; the same seed gives the same intervals.
        suffix: What ends the name of the method; by default whether clusters are resampled.
    """
    count = replicates or replicates_for(len(sample.cell))
    rng = np.random.default_rng(seed)
    point = {name: values[0] for name, values in statistics(_observed(sample)[None]).items()}
    resamples = (sample.weigh(rng.integers(sample.units, size=sample.units)) for _ in range(count))
    drawn = _collect(statistics, resamples, sample.cells)
    folded = _collect(statistics, _leave_outs(sample, rng), sample.cells)
    suffix = by_cluster("", sample.cluster) if suffix is None else suffix
    found = {}
    for name, value in point.items():
        estimate = _interval(float(value), drawn[name], folded[name], level)
        found[name] = replace(estimate, method=estimate.method + suffix)
    return found


def mean_of(
    value_N: npt.ArrayLike, cluster_N: IntArray | None, level: float = 0.95, seed: int = 0
) -> Estimate:
    """Return the mean with its BCa bootstrap interval; NaN is left out and counted in the note.

    Args:
        value_N: One number an image, NaN where it is undefined.
        cluster_N: The patient of each image; None where every image has its own.
        level: Nominal coverage.
        seed: Seed of the resampling.
    """
    values = np.asarray(value_N, np.float64)
    kept = np.isfinite(values)
    if not kept.any():
        return undefined("bootstrap-bca", "no image has it")
    cluster = None
    if cluster_N is not None:  # numbered without gaps
        cluster = np.unique(cluster_N[kept], return_inverse=True)[1].astype(np.int64)
    numbers = values[kept]
    sample = Sample(np.arange(len(numbers)), len(numbers), cluster)
    if sample.units < 2:
        return Estimate(float(numbers.mean()), None, "bootstrap-bca", "one patient has no interval")

    def statistics(weight_RC: FloatArray) -> dict[str, FloatArray]:
        with np.errstate(invalid="ignore"):
            return {"mean": weight_RC @ numbers / weight_RC.sum(1)}

    found = bootstrap(statistics, sample, level=level, seed=seed)["mean"]
    if kept.all():
        return found
    left_out = f"{int((~kept).sum())} images where it is undefined are left out"
    return Estimate(found.value, found.ci, found.method, f"{found.note}; {left_out}")


def _count(cell: IntArray, cells: int, weights: FloatArray | None = None) -> FloatArray:
    return np.asarray(np.bincount(cell, weights, minlength=cells), dtype=np.float64)


def _observed(sample: Sample) -> FloatArray:
    return _count(sample.cell, sample.cells)


def _leave_outs(sample: Sample, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield the cell weights without each of up to 200 groups of units in turn."""
    groups = min(sample.units, JACKKNIFE_GROUPS)
    group_of_unit = rng.permutation(sample.units) % groups
    group = group_of_unit if sample.cluster is None else group_of_unit[sample.cluster]
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(groups + 1))
    observed = _observed(sample)
    for k in range(groups):
        left_out = sample.cell[order[bounds[k] : bounds[k + 1]]]
        yield observed - _count(left_out, sample.cells)


def _collect(
    statistics: Statistics, weights: Iterator[FloatArray], cells: int
) -> dict[str, FloatArray]:
    """Evaluate the statistics in chunks of bounded memory."""
    rows = max(1, CHUNK // cells)
    parts: list[dict[str, FloatArray]] = []
    held: list[FloatArray] = []
    for row in weights:
        held.append(row)
        if len(held) == rows:
            parts.append(statistics(np.stack(held)))
            held = []
    if held:
        parts.append(statistics(np.stack(held)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _interval(value: float, drawn: FloatArray, folded: FloatArray, level: float) -> Estimate:
    method = "bootstrap-bca"
    if np.isnan(value):
        return undefined(method)
    valid, note = _defined(drawn)
    if len(valid) < len(drawn) / 2:
        return Estimate(value, None, method, note)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    low, high = np.quantile(valid, _bca_tails(value, valid, folded, tails))
    if low == high:
        note += "; all resamples agree, so the interval is too narrow to be believed"
    return Estimate(value, (float(low), float(high)), method, note)


def _defined(drawn: FloatArray) -> tuple[FloatArray, str]:
    """Return the resamples in which a statistic is defined, and how many those are."""
    valid: FloatArray = drawn[~np.isnan(drawn)]
    note = f"{len(valid)} replicates"
    if len(valid) < len(drawn):
        note += f", {len(drawn) - len(valid)} left out for want of a class"
    return valid, note


def _bca_tails(
    value: float, drawn: FloatArray, folded: FloatArray, tails: FloatArray
) -> FloatArray:
    below = (np.count_nonzero(drawn < value) + np.count_nonzero(drawn == value) / 2) / len(drawn)
    # Half a replicate keeps the bias finite when every resample falls on one side.
    half = 0.5 / len(drawn)
    bias = special.ndtri(np.clip(below, half, 1 - half))
    folded = folded[~np.isnan(folded)]
    spread = folded.mean() - folded if len(folded) else np.zeros(1)
    scale = float(spread @ spread) ** 1.5
    acceleration = float(np.sum(spread**3)) / (6 * scale) if scale > 0 else 0.0
    shifted = bias + special.ndtri(tails)
    adjusted: FloatArray = special.ndtr(bias + shifted / (1 - acceleration * shifted))
    return adjusted
