"""The last layer refitted on a few labelled cases of elsewhere, as far as they show that it helps.

On frozen features the log odds of home, put right here by slope and intercept, are moved by a linear
function of the features: a logistic regression whose ridge pulls towards the head of home instead of
towards nothing. How far it may move is chosen by predicting cases of left-out patients, and it is the
shortest move that does so about as well as the best (within one standard error): where cases are few,
or the features tell nothing new, the head stays. What it says of the cases that it was fitted to is
too sure, so calibrator and threshold are for the logits of the folds.

Legend: N cases, V views of each, D features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.local import EDGE, FEW_FOR_SLOPE, INTERCEPT_SD, mode, patient_folds
from medcnn.errors import DataError
from medcnn.metrics.proportions import log_odds

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

FEWEST = 20
"""Cases of a class below which the head is left alone."""
STRENGTHS = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
"""How far the head may move the log odds of a case, as the SD of a normal prior; 0: not at all."""
FOLDS = 5


@dataclass(frozen=True)
class Move:
    """What is added to the head of home.

    Attributes:
        weights: On the features, D.
        offset: Of all.
    """

    weights: Array
    offset: float = 0.0

    def of(self, features: Array) -> Array:
        """Return what features, …×D, add to the logit."""
        return np.asarray(features @ self.weights + self.offset)


@dataclass(frozen=True)
class LocalHead:
    """A head fitted to N cases.

    Attributes:
        move: From all of them.
        strength: One of ``STRENGTHS``.
        folds: From those of other patients alone, with the cases that it did not see.
    """

    move: Move
    strength: float
    folds: tuple[tuple[npt.NDArray[np.bool_], Move], ...]

    def out_of_fold(self, features_VND: Array) -> Array:
        """Return what is added to the logit of each of the N cases by folds without its patient."""
        added = np.zeros(features_VND.shape[:-1])
        for out, move in self.folds:
            added[:, out] = move.of(features_VND[:, out])
        return added


def check_enough(label_N: npt.ArrayLike) -> None:
    """Refuse too few cases of a class.

    Raises:
        DataError: If a class has fewer than 20.
    """
    label = np.asarray(label_N, dtype=np.int64)
    abnormal = int(label.sum())
    if min(abnormal, len(label) - abnormal) < FEWEST:
        raise DataError(
            "These labelled cases are too few to refit the head of the network to.",
            expected=f"at least {FEWEST} normal and {FEWEST} abnormal cases for adapt.head=true",
            found=f"{len(label) - abnormal} normal and {abnormal} abnormal",
            remedy="label more cases (labels=N), or leave adapt.head out: calibrator and threshold "
            "need fewer",
        )


def fit_head(
    frozen: Calibrator,
    features_ND: Array,
    logit_N: Array,
    label_N: Labels,
    patient_N: Sequence[str],
    seed: int = 0,
) -> LocalHead:
    """Return how the head moves, chosen and fitted on labelled cases alone.

    Args:
        frozen: The calibrator of home, of the logits.
        features_ND: What the head of home sees.
        logit_N: What it says.
        label_N: 0 normal, 1 abnormal; both are there.
        patient_N: Whose cases they are; folds part no patient.
        seed: Of the folds.
    """
    patient = np.asarray(patient_N)
    fold = patient_folds(label_N, patient, FOLDS, seed)
    path = _Path(frozen, features_ND, logit_N, label_N)
    outs = [fold == number for number in np.unique(fold)]
    # A fold whose rest is of one class alone tells nothing, and keeps the head of home.
    outs = [out for out in outs if 0 < label_N[~out].mean() < 1]
    moves = [[path.fit(~out, strength) for strength in STRENGTHS] for out in outs]
    losses = np.zeros((len(STRENGTHS), len(label_N)))
    for out, of_fold in zip(outs, moves, strict=True):
        losses[:, out] = [path.loss(move, ~out, out) for move in of_fold]
    best = _shortest(losses, np.unique(patient, return_inverse=True)[1])
    everything = np.ones(len(label_N), dtype=np.bool_)
    return LocalHead(
        move=path.fit(everything, STRENGTHS[best]),
        strength=STRENGTHS[best],
        folds=tuple((out, of_fold[best]) for out, of_fold in zip(outs, moves, strict=True)),
    )


def _shortest(losses_SN: Array, patient_N: Labels) -> int:
    """Return the first strength whose loss is within a standard error of the least, by patients."""
    sums = np.stack([np.bincount(patient_N, each) for each in losses_SN])
    best = sums[int(sums.sum(axis=1).argmin())]
    worse = sums - best
    error = worse.std(axis=1) * np.sqrt(worse.shape[1])
    return int(np.flatnonzero(worse.sum(axis=1) <= error)[0])


@dataclass(frozen=True)
class _Path:
    """The cases, of which some are fitted to, and how."""

    frozen: Calibrator
    features: Array
    logit: Array
    label: Labels

    def fit(self, inside: npt.NDArray[np.bool_], strength: float) -> Move:
        """Return the move that the cases inside give, in units of the network's logit."""
        features, label = self.features[inside], self.label[inside]
        width = features.shape[1]
        if strength == 0:
            return Move(np.zeros(width))
        base, unit = self._base(inside)
        middle, spread = features.mean(axis=0), features.std(axis=0)
        alive = spread > 1e-6 * max(float(spread.max()), 1e-12)
        scale = np.where(alive, 1 / (np.where(alive, spread, 1) * np.sqrt(alive.sum() or 1)), 0.0)
        x = (features - middle) * scale
        sd = np.append(np.full(width, strength), INTERCEPT_SD)

        def loss(free: Array) -> tuple[float, Array]:
            score = base[inside] + x @ free[:-1] + free[-1]
            wrong = expit(score) - label
            value = np.sum(np.logaddexp(0.0, score) - label * score) + np.sum((free / sd) ** 2) / 2
            return float(value), np.append(x.T @ wrong, wrong.sum()) + free / sd**2

        free = minimize(loss, np.zeros(width + 1), jac=True, method="L-BFGS-B").x
        weights = free[:-1] * scale * unit
        return Move(weights, float(free[-1] * unit - middle @ weights))

    def loss(self, move: Move, inside: npt.NDArray[np.bool_], out: npt.NDArray[np.bool_]) -> Array:
        """Return the negative log-likelihood of the cases outside."""
        base, unit = self._base(inside)
        score = base[out] + move.of(self.features[out]) / unit
        return np.asarray(np.logaddexp(0.0, score) - self.label[out] * score)

    def _base(self, inside: npt.NDArray[np.bool_]) -> tuple[Array, float]:
        """Return the log odds of all cases by home, put right inside, and how many logits one is."""
        z = log_odds(self.frozen.probability(self.logit), EDGE)
        label = self.label[inside]
        rarer = min(label.sum(), len(label) - label.sum())
        slope, intercept = mode(z[inside], label, free_slope=bool(rarer >= FEW_FOR_SLOPE))
        spread = float(self.logit.std())
        unit = spread / max(float((slope * z).std()), 1e-9) if spread > 0 else 1.0
        return slope * z + intercept, unit
