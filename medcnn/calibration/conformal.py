"""Conformal prediction: sets of labels that hold the true one with a stated probability.

Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Vovk, Cross-conformal
predictors, Annals of Mathematics and Artificial Intelligence 74 (2015) 9-28. The score of a label is
one minus its probability; a label stays in the set while its p-value exceeds alpha.

- ``split``: over all cases together at least ``1 - alpha`` of the sets hold the true label.
- ``class_conditional`` (Mondrian): within each class at least ``1 - alpha``, whatever the prevalence.
- ``cross``: the folds' scores pooled; at least about ``1 - 2 alpha`` in theory, ``1 - alpha`` in use.

These hold in finite samples for new cases exchangeable with the calibration cases, which have not
been learnt from. Legend: V calibration cases, N new cases, 2 labels (normal, abnormal).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medcnn.errors import DataError, unknown_name
from medcnn.metrics.estimate import FloatArray, IntArray

METHODS = ("split", "class_conditional", "cross")
ROUNDING = 1e-8
SETS = ("none", "normal", "abnormal", "both")


@dataclass(frozen=True)
class Conformal:
    """A fitted conformal predictor: the calibration scores that each label is compared with.

    Attributes:
        normal: Sorted scores against which the label normal is judged.
        abnormal: The same for abnormal; with ``split`` both are all of them.
    """

    normal: FloatArray
    abnormal: FloatArray

    def p_values(self, p_N: npt.ArrayLike) -> FloatArray:
        """Return the p-values of normal and of abnormal, N×2, for probabilities of abnormal."""
        p = np.asarray(p_N, dtype=np.float64)
        pairs = ((self.normal, p), (self.abnormal, 1 - p))
        return np.column_stack([_p_value(scores, score) for scores, score in pairs])


def fit_conformal(p_V: npt.ArrayLike, label_V: npt.ArrayLike, method: str) -> Conformal:
    """Return the ``split`` or ``class_conditional`` predictor calibrated on labelled cases.

    Raises:
        ConfigError: If there is no such method.
        DataError: If there are no calibration cases.
    """
    if method not in METHODS[:2]:
        raise unknown_name("conformal method of one calibration set", method, METHODS[:2])
    p, label = _checked(p_V, label_V)
    score = np.where(label == 1, 1 - p, p)
    if method == "split":
        pooled = np.sort(score)
        return Conformal(pooled, pooled)
    return Conformal(np.sort(score[label == 0]), np.sort(score[label == 1]))


def own_p_values(p_V: npt.ArrayLike, label_V: npt.ArrayLike, method: str) -> FloatArray:
    """Return the p-values of the calibration cases themselves, V×2, each without its own score."""
    p, label = _checked(p_V, label_V)
    fitted = fit_conformal(p, label, method)
    found = fitted.p_values(p)
    own = np.where(label == 1, 1 - p, p)
    for column, (scores, score) in enumerate(((fitted.normal, p), (fitted.abnormal, 1 - p))):
        present = (label == column) if method == "class_conditional" else np.ones_like(label, bool)
        count = found[:, column] * (len(scores) + 1) - 1 - (own >= score - ROUNDING)
        found[present, column] = ((count + 1) / len(scores))[present] if len(scores) else 1.0
    return found


def cross_p_values(
    folds: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]], p_KN: npt.ArrayLike
) -> FloatArray:
    """Return cross-conformal p-values, N×2 (Vovk 2015, equation 11).

    Args:
        folds: For each of K folds the probabilities that the model fitted without it gives its
            cases, and their labels.
        p_KN: What each of those models gives the new cases.

    Raises:
        DataError: If the folds and the models do not go together.
    """
    p_new = np.atleast_2d(np.asarray(p_KN, dtype=np.float64))
    if len(folds) != len(p_new):
        raise DataError(
            "Cross-conformal prediction needs one model a fold.",
            expected=f"{len(folds)} rows of probabilities",
            found=str(len(p_new)),
        )
    total = 0
    count = np.zeros((p_new.shape[1], 2))
    for (p_V, label_V), p in zip(folds, p_new, strict=True):
        fitted = fit_conformal(p_V, label_V, "split")
        size = len(fitted.normal)
        count += fitted.p_values(p) * (size + 1) - 1
        total += size
    return np.asarray((count + 1) / (total + 1))


def prediction_sets(p_values_N2: FloatArray, alpha: float) -> npt.NDArray[np.str_]:
    """Return each case's set: ``normal``, ``abnormal``, ``both`` or ``none``.

    Raises:
        ValueError: If alpha is not within (0, 1).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie within (0, 1), found {alpha}")
    held = p_values_N2 > alpha + 1e-12  # k / (n + 1) may come out a rounding above alpha
    return np.array(SETS)[held[:, 0] + 2 * held[:, 1]]


def covers(sets_N: npt.NDArray[np.str_], label_N: IntArray) -> npt.NDArray[np.bool_]:
    """Return whether each set holds the true label."""
    name = np.where(label_N == 1, "abnormal", "normal")
    return np.asarray((sets_N == name) | (sets_N == "both"))


def doubt_of(p_values_N2: FloatArray) -> FloatArray:
    """Return how far from certain each case is: the p-value of the less plausible label.

    At any alpha below it the set holds both labels (one minus the confidence of Vovk et al.).
    """
    return np.asarray(p_values_N2.min(axis=1))


def _p_value(sorted_V: FloatArray, score_N: FloatArray) -> FloatArray:
    # Equal up to the nine digits of a predictions file counts as equal, in favour of the label.
    as_large = len(sorted_V) - np.searchsorted(sorted_V, score_N - ROUNDING, side="left")
    return np.asarray((as_large + 1) / (len(sorted_V) + 1))


def _checked(p_V: npt.ArrayLike, label_V: npt.ArrayLike) -> tuple[FloatArray, IntArray]:
    p, label = np.asarray(p_V, dtype=np.float64), np.asarray(label_V, dtype=np.int64)
    if len(p) == 0:
        raise DataError(
            "Conformal prediction needs labelled calibration cases.",
            expected="validation predictions",
            found="none",
        )
    return p, label
