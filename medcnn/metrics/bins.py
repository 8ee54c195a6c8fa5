"""Calibration errors over bins of the probability.

The expected error weighs the gap of each bin by its cases (ECE; Naeini et al. 2015), the adaptive one
weighs bins of equal mass alike (ACE; Nixon et al. 2019), and the Brier score is ``reliability -
resolution + uncertainty + within`` (Murphy 1973), the last of which is the spread of the forecasts
inside their bins.

All of these are distances: sampling noise alone makes them larger, by an amount that hangs on how the
true error is spread over the bins, which the data do not tell. Inverting a bootstrap test holds the
truth in 87 to 98 % for 95 (``scripts/coverage_intervals.py``), and so none has an interval.
"""

from __future__ import annotations

import numpy as np

from medcnn.metrics import calibration
from medcnn.metrics.estimate import Estimate, FloatArray, IntArray, without_interval


def calibration_errors(label: IntArray, p: FloatArray) -> dict[str, Estimate]:
    """Return ECE, equal-mass ECE, ACE, MCE and the parts of the Brier score, none with an interval.

    Args:
        label: 0 or 1.
        p: Probabilities.
    """
    width, mass = calibration.equal_width_edges(), calibration.equal_mass_edges(p)
    found = {
        name: without_interval(value, "distance")
        for name, value in values(label, p, (width, mass)).items()
    }
    largest = calibration.maximum_calibration_error(label, p, width)
    return found | {"mce": without_interval(largest, "maximum")}


def values(
    label: IntArray, p: FloatArray, edges: tuple[FloatArray, FloatArray]
) -> dict[str, float]:
    """Return the errors in bins of equal width and of equal mass, whose edges are given."""
    width, mass = edges
    count, observed, predicted = _means(label, p, width)
    _, observed_mass, predicted_mass = _means(label, p, mass)
    share, base = count / len(p), float(label.mean())
    reliability = float(share @ np.square(observed - predicted))
    resolution = float(share @ np.square(observed - base))
    brier = float(calibration.brier_losses(label, p).mean())
    return {
        "ece": calibration.expected_calibration_error(label, p, width),
        "ece_equal_mass": calibration.expected_calibration_error(label, p, mass),
        "ace": float(np.abs(observed_mass - predicted_mass).mean()),
        "reliability": reliability,
        "resolution": resolution,
        "within": brier - reliability + resolution - base * (1 - base),
    }


def _means(
    label: IntArray, p: FloatArray, edges: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the cases of each occupied bin, and their mean label and probability."""
    index = calibration.bin_index(p, edges)
    count = np.bincount(index).astype(np.float64)
    used = count > 0
    hits, sums = (np.bincount(index, each)[used] for each in (label, p))
    return count[used], hits / count[used], sums / count[used]
