"""From the losses of a rising learning rate to one suggestion: plain arithmetic, no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

WIDTH = 0.3
"""Decades over which losses are averaged: batches are noisy, and a step of the ramp is one batch."""
SEEN = 0.05
"""Part of the whole descent, from start to minimum, that counts as having begun to learn."""
CERTAIN = 5.0
"""Standard errors that a descent exceeds noise by: the lowest of some twenty independent values of
pure noise lies about two below their mean, and where the curve begins is noisy too."""


@dataclass(frozen=True)
class Suggestion:
    """What the curve of loss against rate says.

    Attributes:
        lr: The suggested rate, or None where the loss never fell.
        starts: The lowest rate that learns.
        lowest: The rate at which the loss was lowest; training is unstable from about here.
        exploded: The rate at which the test was stopped, or None if it never was.
        note: What is to be known about the suggestion, or empty.
    """

    lr: float | None
    starts: float | None
    lowest: float | None
    exploded: float | None
    note: str = ""


def smooth(rates: Array, losses: Array, width: float = WIDTH) -> Array:
    """Return the losses averaged over their neighbours on the logarithmic axis of the rate.

    A Gaussian of standard deviation ``width`` decades looks both ways, so that, unlike a running
    mean, it does not move the curve towards higher rates.
    """
    smoothed: Array = _weights(rates, width) @ losses
    return smoothed


def _weights(rates: Array, width: float) -> Array:
    decades = np.log10(rates)
    weights = np.exp(-0.5 * np.square((decades[:, None] - decades[None]) / width))
    normalised: Array = weights / weights.sum(axis=1, keepdims=True)
    return normalised


def suggest(rates: Array, losses: Array, *, exploded: float | None = None) -> Suggestion:
    """Return the middle of the descent of the loss.

    On the S-shaped curve of a range test the middle is where the loss falls fastest, which is the
    usual choice; unlike a slope, it does not follow the noise of the batches. It is held below a
    third of the rate with the lowest loss, where a training of many epochs becomes unstable.

    Args:
        rates: Rising learning rates, one a step.
        losses: The batch losses at these rates; all finite.
        exploded: The rate at which the test was stopped because the loss was no longer usable.

    References:
        Smith, Cyclical Learning Rates for Training Neural Networks, WACV 2017, section 3.3.

    >>> rates = np.logspace(-6, 0, 61)
    >>> losses = 1 - 0.5 / (1 + (1e-3 / rates) ** 2)
    >>> f"{suggest(rates, losses).lr:.0e}"
    '1e-03'
    """
    if len(rates) < 10:
        return Suggestion(None, None, None, exploded, "Too few steps before the loss exploded.")
    weights = _weights(rates, WIDTH)
    curve = weights @ losses
    bottom = int(curve.argmin())
    begin = float(np.median(curve[: max(len(curve) // 10, 3)]))
    descent = begin - float(curve[bottom])
    if bottom < 2 or descent <= CERTAIN * _noise(losses, weights):
        note = (
            "The loss fell at no rate by more than batches differ: take more steps or pretrained "
            "weights, and look at the data, the labels and what is frozen."
        )
        return Suggestion(None, None, None, exploded, note)
    starts, middle = (
        int(np.flatnonzero(curve[:bottom] > begin - part * descent)[-1]) for part in (SEEN, 0.5)
    )
    lr = min(float(rates[middle]), float(rates[bottom]) / 3)
    note = "" if exploded or bottom < len(rates) - 2 else "The loss still fell at the highest rate."
    return Suggestion(lr, float(rates[starts]), float(rates[bottom]), exploded, note)


def _noise(losses: Array, weights: Array) -> float:
    """Return the standard error of the smoothed curve, from how neighbouring losses differ.

    The difference of neighbours has twice the variance of one; 0.6745 makes a median absolute
    deviation a standard deviation.
    """
    of_one = float(np.median(np.abs(np.diff(losses)))) / (0.6745 * np.sqrt(2))
    return float(of_one * np.sqrt(np.square(weights).sum(axis=1).mean()))
