"""A calibrator: what turns a logit into a probability that means what it says.

A name and a list of numbers, so that it lives in a checkpoint and in ``results.json`` as plain
values. Every calibrator is monotone: a higher logit never gets a lower probability.

Legend: N cases, ``logit`` the uncalibrated logit of abnormal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from medcnn.errors import DataError, unknown_name
from medcnn.files.records import NEEDED, Saved

Array = npt.NDArray[np.float64]

LARGEST = 1e4
"""Logits beyond this say no more: an infinite one times a slope of 0 would be NaN."""


@dataclass(frozen=True)
class Calibrator(Saved):
    """A fitted calibrator.

    Attributes:
        name: One of ``NAMES``.
        parameters: ``none``: nothing. ``temperature``: T. ``platt``: slope, intercept. ``beta``: a,
            b, c. ``isotonic``: the knots' logits, then their probabilities. ``histogram``: the
            inner edges, then the probability of each bin.
        note: What a reader has to know, such as that nothing could be learnt.
    """

    name: str = field(default="none", metadata=NEEDED)
    parameters: tuple[float, ...] = field(default=(), metadata=NEEDED)
    note: str = ""

    def __post_init__(self) -> None:
        if self.name not in _FORMS:
            raise unknown_name("calibrator", self.name, _FORMS)
        fits, _ = _FORMS[self.name]
        if not fits(len(self.parameters)) or not all(map(math.isfinite, self.parameters)):
            raise DataError(
                f"The parameters of the calibrator {self.name!r} cannot be read.",
                expected="the finite numbers that fit_calibrator found",
                found=f"{len(self.parameters)} numbers: {list(self.parameters)[:4]}",
                remedy="restore the record, or train again",
            )

    @property
    def temperature(self) -> float:
        """The temperature; 1 for a calibrator of another kind."""
        return self.parameters[0] if self.name == "temperature" else 1.0

    def probability(self, logit_N: npt.ArrayLike) -> Array:
        """Return the calibrated probability of abnormal for each logit; NaN stays NaN."""
        logit = np.clip(np.asarray(logit_N, dtype=np.float64), -LARGEST, LARGEST)
        _, apply = _FORMS[self.name]
        return np.where(np.isnan(logit), np.nan, apply(np.asarray(self.parameters), logit))


def beta_features(logit_N: Array) -> tuple[Array, Array]:
    """Return ``ln p`` and ``-ln(1 - p)`` of ``p = sigmoid(logit)``, exact for any logit."""
    return -np.logaddexp(0.0, -logit_N), np.logaddexp(0.0, logit_N)


def _none(_: Array, logit: Array) -> Array:
    return np.asarray(expit(logit))


def _temperature(parameters: Array, logit: Array) -> Array:
    return np.asarray(expit(logit / parameters[0]))


def _platt(parameters: Array, logit: Array) -> Array:
    slope, intercept = parameters
    return np.asarray(expit(slope * logit + intercept))


def _beta(parameters: Array, logit: Array) -> Array:
    a, b, c = parameters
    of_p, of_rest = beta_features(logit)
    return np.asarray(expit(a * of_p + b * of_rest + c))


def _isotonic(parameters: Array, logit: Array) -> Array:
    knots, values = np.split(parameters, 2)
    return np.interp(logit, knots, values)


def _histogram(parameters: Array, logit: Array) -> Array:
    inner = len(parameters) // 2
    return parameters[inner:][np.searchsorted(parameters[:inner], logit, side="left")]


_FORMS: dict[str, tuple[Callable[[int], bool], Callable[[Array, Array], Array]]] = {
    "none": (lambda count: count == 0, _none),
    "temperature": (lambda count: count == 1, _temperature),
    "platt": (lambda count: count == 2, _platt),
    "isotonic": (lambda count: count >= 2 and count % 2 == 0, _isotonic),
    "beta": (lambda count: count == 3, _beta),
    "histogram": (lambda count: count % 2 == 1, _histogram),
}
NAMES = tuple(_FORMS)
