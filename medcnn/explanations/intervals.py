"""Means and shares over images with their intervals, the images of a patient kept together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medcnn.metrics.bootstrap import Sample, bootstrap
from medcnn.metrics.estimate import Estimate, FloatArray, IntArray, undefined


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
