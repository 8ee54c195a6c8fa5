"""A frozen judgement refitted on a few labelled cases of elsewhere.

What a run learnt at home is the best guess of what holds elsewhere, and a few cases move it: Platt's
slope and intercept on the log odds that the calibrator of home gives, with a normal prior around 0 on
the slope's logarithm and on the intercept, found at their mode. With too few cases for a slope only
the intercept moves. The threshold follows the run's own rule; with few cases each counts as the
probability says that it is, so that one case more or less does not carry the threshold with it.

Legend: N cases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from medcnn.calibration.calibrator import Calibrator
from medcnn.errors import DataError
from medcnn.metrics.proportions import log_odds
from medcnn.metrics.thresholds import Threshold, choose_threshold, predictions_digest

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Learn = Callable[[npt.NDArray[np.bool_]], tuple[Array, Array]]
"""Cases that may be looked at -> their logits to fit to, and the logits of all others."""

EDGE = 1e-6
FEWEST = 5
"""Cases of a class below which nothing is refitted."""
FEW_FOR_SLOPE = 15
"""Cases of the rarer class below which only the intercept moves."""
FEW_FOR_RULE = 100
"""Cases of the rarer class below which the threshold is smoothed."""
SLOPE_SD, INTERCEPT_SD = 0.5, 3.0
"""Of the priors, of the slope's logarithm and of the intercept."""
COPIES = 100
"""Copies of a case, so many of them abnormal as its probability says."""


@dataclass(frozen=True)
class Refitted:
    """A calibrator and a threshold of elsewhere.

    Attributes:
        kind: ``intercept`` or ``platt``.
        slope: On the log odds of the frozen calibrator.
        intercept: Likewise.
        calibrator: Of the run's logits.
        threshold: On its probabilities.
        smoothed: Whether cases counted as their probabilities said when it was chosen.
    """

    kind: str
    slope: float
    intercept: float
    calibrator: Calibrator
    threshold: Threshold
    smoothed: bool


def refit(
    frozen: Calibrator,
    logit_N: npt.ArrayLike,
    label_N: npt.ArrayLike,
    rule: str | float,
    kind: str = "auto",
) -> Refitted:
    """Return calibrator and threshold refitted on labelled cases.

    Args:
        frozen: The calibrator of home.
        logit_N: What it turns into probabilities.
        label_N: 0 normal, 1 abnormal.
        rule: Of the threshold.
        kind: ``intercept``, ``platt``, or ``auto``: by the number of cases.

    Raises:
        DataError: If a class has fewer than 5 cases, or no threshold reaches the rule's target.
    """
    label = np.asarray(label_N, dtype=np.int64)
    rarer = int(min(label.sum(), len(label) - label.sum()))
    if rarer < FEWEST:
        raise DataError(
            "These labelled cases are too few to fit anything to.",
            expected=f"at least {FEWEST} normal and {FEWEST} abnormal cases",
            found=f"{len(label) - int(label.sum())} normal and {int(label.sum())} abnormal",
            remedy="label more cases (labels=N)",
        )
    if kind == "auto":
        kind = "intercept" if rarer < FEW_FOR_SLOPE else "platt"
    z = log_odds(frozen.probability(logit_N), EDGE)
    slope, intercept = mode(z, label, free_slope=kind == "platt")
    calibrator = moved(frozen, slope, intercept)
    p = calibrator.probability(logit_N)
    smooth = rarer < FEW_FOR_RULE
    return Refitted(kind, slope, intercept, calibrator, _threshold(label, p, rule, smooth), smooth)


def mode(z: Array, label: Labels, *, free_slope: bool) -> tuple[float, float]:
    """Return slope and intercept of log odds, at the highest posterior density."""

    def loss(free: Array) -> float:
        score = np.exp(free[1] if free_slope else 0.0) * z + free[0]
        misfit = float(np.sum(np.logaddexp(0.0, score) - label * score))
        return float(misfit + (free[0] / INTERCEPT_SD) ** 2 / 2 + (free[1] / SLOPE_SD) ** 2 / 2)

    found = minimize(loss, np.zeros(2), method="BFGS").x
    return float(np.exp(found[1])) if free_slope else 1.0, float(found[0])


def moved(frozen: Calibrator, slope: float, intercept: float) -> Calibrator:
    """Return the calibrator whose log odds are ``slope`` times those of ``frozen`` + ``intercept``.

    >>> moved(Calibrator("temperature", (2.0,)), 1.5, 0.25).parameters
    (0.75, 0.25)
    """
    known = np.asarray(frozen.parameters)
    if frozen.name == "none":
        return Calibrator("platt", (slope, intercept))
    if frozen.name == "temperature":
        return Calibrator("platt", (slope / float(known[0]), intercept))
    if frozen.name in ("platt", "beta"):
        *weights, last = (slope * known).tolist()
        return Calibrator(frozen.name, (*weights, last + intercept))
    # Isotonic and histogram: places of steps, then the probability of each.
    places = len(known) // 2
    p = np.clip(known[places:], EDGE, 1 - EDGE)
    values = expit(slope * logit(p) + intercept).tolist()
    return Calibrator(frozen.name, (*known[:places].tolist(), *values))


def _threshold(label: Labels, p: Array, rule: str | float, smooth: bool) -> Threshold:
    if not smooth:
        return choose_threshold(label, p, rule)
    abnormal = np.rint(COPIES * p).astype(np.int64)
    counts = np.concatenate([abnormal, COPIES - abnormal])
    labels = np.repeat(np.repeat([1, 0], len(p)), counts)
    found = choose_threshold(labels, np.repeat(np.tile(p, 2), counts), rule)
    if found.chosen_on == "none":
        return found
    # Frozen with the cases that it came of, which is what a record is held against.
    return replace(found, predictions=predictions_digest(label, p))


@dataclass(frozen=True)
class OutOfFold:
    """Cases judged by a refit without their patient.

    Attributes:
        p: Probabilities, N.
        threshold: Of each case, N.
        skipped: Folds whose rest was too few to fit to; their cases keep home's judgement.
    """

    p: Array
    threshold: Array
    skipped: int

    def aligned(self, common: float) -> Array:
        """Return the probabilities shifted so that each one's threshold becomes a common one."""
        own, at = log_odds(self.p, EDGE), log_odds(self.threshold, EDGE)
        return np.asarray(expit(own - at + log_odds(np.asarray(common), EDGE)))


def cross_fit(
    frozen: Calibrator,
    threshold: Threshold,
    logit_N: npt.ArrayLike,
    label_N: npt.ArrayLike,
    patient_N: Sequence[str],
    rule: str | float,
    kind: str,
    *,
    folds: int = 10,
    seed: int = 0,
    learn: Learn | None = None,
) -> OutOfFold:
    """Return each case as judged by a refit on the folds that its patient is not in.

    Args:
        frozen: The calibrator of home.
        threshold: That of home, for folds whose rest is too few.
        logit_N: Of the labelled cases.
        label_N: Their labels.
        patient_N: Their patients.
        rule: Of the threshold.
        kind: Of the calibrator, as it was fitted to all.
        folds: How many; the classes are balanced over them.
        seed: Of the draw.
        learn: Makes the logits anew for each fold, where the network is fitted too.
    """
    z, label = np.asarray(logit_N, dtype=np.float64), np.asarray(label_N, dtype=np.int64)
    fold = patient_folds(label, np.asarray(patient_N), folds, seed)
    p, at, skipped = frozen.probability(z), np.full(len(z), threshold.value), 0
    for number in np.unique(fold):
        out = fold == number
        inside, outside = (z[~out], z[out]) if learn is None else learn(~out)
        try:
            found = refit(frozen, inside, label[~out], rule, kind)
        except DataError:
            skipped += 1
            continue
        p[out] = found.calibrator.probability(outside)
        at[out] = found.threshold.value
    return OutOfFold(p, at, skipped)


def patient_folds(
    label: Labels, patient: npt.NDArray[np.str_], folds: int, seed: int
) -> npt.NDArray[np.int64]:
    """Return the fold of each case: whole patients, those with an abnormal case spread evenly."""
    names, code = np.unique(patient, return_inverse=True)
    abnormal = np.zeros(len(names), dtype=np.int64)
    np.maximum.at(abnormal, code, label)
    rng = np.random.default_rng(seed)
    place = np.empty(len(names), dtype=np.int64)
    begun = 0
    for which in (0, 1):
        members = rng.permutation(np.flatnonzero(abnormal == which))
        place[members] = (begun + np.arange(len(members))) % folds
        begun += len(members)
    return np.asarray(place[code])
