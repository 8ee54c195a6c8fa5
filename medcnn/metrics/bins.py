"""Calibration errors of many reweighted copies of the same cases at once.

The bins are those of the cases as they are: a copy weighs the cases anew and moves none of them. The
expected error weighs the gap of each bin by its cases (ECE; Naeini et al. 2015), the adaptive one
weighs bins of equal mass alike (ACE; Nixon et al. 2019), and the Brier score is ``reliability -
resolution + uncertainty + within`` (Murphy 1973), the last of which is the spread of the forecasts
inside their bins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from medcnn.metrics import calibration
from medcnn.metrics.bootstrap import Sample
from medcnn.metrics.estimate import FloatArray, IntArray


def absolute(parts: FloatArray) -> FloatArray:
    """Return the sum of the absolute parts of each row."""
    return np.asarray(np.abs(parts).sum(axis=1))


def squared(parts: FloatArray) -> FloatArray:
    """Return the sum of the squared parts of each row."""
    return np.asarray(np.square(parts).sum(axis=1))


DISTANCES = {
    "ece": absolute,
    "ece_equal_mass": absolute,
    "ace": absolute,
    "reliability": squared,
    "resolution": squared,
}


def reduced(found: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return statistics with the parts of each distance summed to that distance."""
    return {
        name: DISTANCES[name](values) if name in DISTANCES else values
        for name, values in found.items()
    }


@dataclass(frozen=True)
class Binned:
    """What one case of each of C cells adds to the sums over bins that the errors are made of.

    Attributes:
        width: C×B, 1 in the bin of equal width that holds the cell.
        mass: C×M, the same for the bins of equal mass.
        excess: C mean values of ``label - p``.
        label: C labels.
        loss: C mean squared errors.
    """

    width: FloatArray
    mass: FloatArray
    excess: FloatArray
    label: FloatArray
    loss: FloatArray

    def errors(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Return the calibration errors of every row of an R×C array of cell weights.

        Those named in ``DISTANCES`` come as R×B signed parts.
        """
        total = weights.sum(axis=1)
        count, excess, hits = (
            weights @ (self.width * each[:, None])
            for each in (np.ones_like(self.excess), self.excess, self.label)
        )
        mass, mass_excess = (
            weights @ (self.mass * each[:, None])
            for each in (np.ones_like(self.excess), self.excess)
        )
        # A copy without a case, as leaving out the only patient makes, has no errors: NaN.
        total = np.where(total > 0, total, np.nan)
        all_of = total[:, None]
        base = weights @ self.label / total
        parts = {
            "ece": excess / all_of,
            "ece_equal_mass": mass_excess / all_of,
            "ace": _ratio(mass_excess, mass)
            / np.maximum(np.count_nonzero(mass, axis=1), 1)[:, None],
            "reliability": np.sqrt(count / all_of) * _ratio(excess, count),
            "resolution": np.sqrt(count / all_of) * (_ratio(hits, count) - base[:, None]),
        }
        known = squared(parts["reliability"]) - squared(parts["resolution"]) + base * (1 - base)
        return parts | {"within": weights @ self.loss / total - known}


def bin_cells(
    label: IntArray, p: FloatArray, sample: Sample, edges: tuple[FloatArray, FloatArray]
) -> Binned:
    """Return what each cell adds to bins of equal width and of equal mass.

    Args:
        label: 0 or 1.
        p: Probabilities.
        sample: The cell of each case; no cell may hold cases of two bins or of two labels.
        edges: The edges of the bins of equal width, and of equal mass.
    """
    cell, cells = sample.cell, sample.cells
    count = np.maximum(np.bincount(cell, minlength=cells), 1)

    def mean(values: FloatArray) -> FloatArray:
        found: FloatArray = np.bincount(cell, values, cells) / count
        return found

    def one_hot(bounds: FloatArray) -> FloatArray:
        held = np.zeros((cells, len(bounds) - 1))
        held[cell, calibration.bin_index(p, bounds)] = 1.0
        return held

    width, mass = edges
    return Binned(
        width=one_hot(width),
        mass=one_hot(mass),
        excess=mean(label - p),
        label=mean(label.astype(np.float64)),
        loss=mean(calibration.brier_losses(label, p)),
    )


def _ratio(sums: FloatArray, counts: FloatArray) -> FloatArray:
    """Return sums by counts, 0 in an empty bin."""
    return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
