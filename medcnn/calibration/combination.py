"""How several predictions of a case become one; what has to be fitted is fitted on validation.

    soft      mean of the probabilities
    logit     mean of the logits
    hard      share of the members that call the case abnormal, each at its own threshold
    rank      mean of the ranks that the probabilities have among validation's
    weighted  mean of the probabilities with weights of least log-loss, none below 0, sum 1
    greedy    members added one at a time, with replacement, while log-loss falls (Caruana et al.,
              Ensemble selection from libraries of models, ICML 2004)
    stacked   logistic regression on the logits (Wolpert, Stacked generalization, 1992)

Legend: M members (or views), N cases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, minimize
from scipy.special import expit

from medcnn.errors import unknown_name
from medcnn.files.records import NEEDED, Saved
from medcnn.metrics.proportions import log_odds

Array = npt.NDArray[np.float64]

CLIP = 1e-9
"""Probabilities are held this far from 0 and 1 where their logarithm is taken."""
GREEDY_ROUNDS = 50


@dataclass(frozen=True)
class Combination(Saved):
    """A way to combine members, as plain values.

    Attributes:
        vote: One of ``VOTES``.
        weights: One for each member; empty where all count alike.
        intercept: Of ``stacked``.
        thresholds: Of each member, for ``hard``.
        ranks: Validation probabilities of each member in ascending order, for ``rank``.
    """

    vote: str = field(default="soft", metadata=NEEDED)
    weights: tuple[float, ...] = field(default=(), metadata=NEEDED)
    intercept: float = field(default=0.0, metadata=NEEDED)
    thresholds: tuple[float, ...] = field(default=(), metadata=NEEDED)
    ranks: tuple[tuple[float, ...], ...] = field(default=(), metadata=NEEDED)

    def __post_init__(self) -> None:
        if self.vote not in VOTES:
            raise unknown_name("vote", self.vote, VOTES)

    def __call__(self, p_MN: Array) -> Array:
        """Return the combined probability of each case, N."""
        return np.asarray(VOTES[self.vote](self, np.asarray(p_MN, dtype=np.float64)))


def fit_combination(
    vote: str,
    p_MN: npt.ArrayLike,
    label_N: npt.ArrayLike,
    *,
    thresholds: Sequence[float] = (),
) -> Combination:
    """Return the combination, fitted on validation where it needs to be.

    Args:
        vote: One of ``VOTES``.
        p_MN: Validation probabilities of each member.
        label_N: 0 normal, 1 abnormal.
        thresholds: The operating point of each member, for ``hard``.

    Raises:
        ConfigError: If there is no such vote.
    """
    if vote not in VOTES:
        raise unknown_name("vote", vote, VOTES)
    p = np.clip(np.asarray(p_MN, dtype=np.float64), CLIP, 1 - CLIP)
    label = np.asarray(label_N, dtype=np.float64)
    if vote == "hard":
        return Combination(vote, thresholds=tuple(thresholds) or (0.5,) * len(p))
    if vote == "rank":
        return Combination(vote, ranks=tuple(tuple(map(float, np.sort(row))) for row in p))
    learnable = len(p) > 1 and len(np.unique(label)) == 2
    if vote in ("weighted", "greedy"):
        even = np.full(len(p), 1 / len(p))
        weights = _FITS[vote](p, label) if learnable else even
        return Combination(vote, weights=tuple(map(float, weights)))
    if vote == "stacked":
        return _stack(p, label)
    return Combination(vote)


def log_loss(p_N: Array, label_N: Array) -> float:
    """Return the mean negative log-likelihood of the labels."""
    p = np.clip(p_N, CLIP, 1 - CLIP)
    return float(-np.mean(label_N * np.log(p) + (1 - label_N) * np.log1p(-p)))


def _least_loss(p_MN: Array, label_N: Array) -> Array:
    """Return the weights on the simplex with the least log-loss, a convex problem."""
    members = len(p_MN)

    def mixed(weights: Array) -> Array:
        return np.clip(weights @ p_MN, CLIP, 1 - CLIP)

    def loss(weights: Array) -> float:
        return log_loss(mixed(weights), label_N)

    def slope(weights: Array) -> Array:
        p = mixed(weights)
        return np.asarray(p_MN @ ((p - label_N) / (p * (1 - p))) / len(label_N))

    found = minimize(
        loss,
        np.full(members, 1 / members),
        jac=slope,
        method="SLSQP",
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(np.ones((1, members)), 1, 1),
    )
    weights = np.clip(found.x, 0, None)
    return np.asarray(weights / weights.sum())


def _greedy(p_MN: Array, label_N: Array) -> Array:
    counts = np.zeros(len(p_MN))
    total, best = np.zeros(p_MN.shape[1]), np.inf
    for chosen in range(1, GREEDY_ROUNDS + 1):
        losses = [log_loss((total + row) / chosen, label_N) for row in p_MN]
        if min(losses) >= best - 1e-9:
            break
        best = min(losses)
        member = int(np.argmin(losses))
        counts[member] += 1
        total = total + p_MN[member]
    return np.asarray(counts / counts.sum())


def _stack(p_MN: Array, label_N: Array) -> Combination:
    if len(np.unique(label_N)) < 2:
        even = (1 / len(p_MN),) * len(p_MN)
        return Combination("stacked", weights=even)
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0).fit(log_odds(p_MN, CLIP).T, label_N.astype(int))
    return Combination(
        "stacked",
        weights=tuple(map(float, model.coef_[0])),
        intercept=float(model.intercept_[0]),
    )


_FITS: dict[str, Callable[[Array, Array], Array]] = {"weighted": _least_loss, "greedy": _greedy}


def _weights(combination: Combination, members: int) -> Array:
    if not combination.weights:
        return np.full(members, 1 / members)
    return np.asarray(combination.weights)


def _soft(combination: Combination, p: Array) -> Array:
    return _weights(combination, len(p)) @ p


def _logit(_: Combination, p: Array) -> Array:
    return np.asarray(expit(log_odds(p, CLIP).mean(0)))


def _hard(combination: Combination, p: Array) -> Array:
    return np.asarray((p >= np.asarray(combination.thresholds)[:, None]).mean(0))


def _rank(combination: Combination, p: Array) -> Array:
    ranks = [
        (np.searchsorted(known, row, "left") + np.searchsorted(known, row, "right"))
        / (2 * len(known))
        for known, row in zip(combination.ranks, p, strict=True)
    ]
    return np.asarray(np.mean(ranks, axis=0))


def _stacked(combination: Combination, p: Array) -> Array:
    scores = _weights(combination, len(p)) @ log_odds(p, CLIP)
    return np.asarray(expit(scores + combination.intercept))


VOTES: dict[str, Callable[[Combination, Array], Array]] = {
    "soft": _soft,
    "logit": _logit,
    "hard": _hard,
    "rank": _rank,
    "weighted": _soft,
    "greedy": _soft,
    "stacked": _stacked,
}
"""How members vote, by name."""

MERGES = ("mean", "geometric", "max", "weighted")
"""How views are merged: geometric is the mean of the logits, weighted is fitted on validation."""


def fit_merge(merge: str, p_VN: npt.ArrayLike, label_N: npt.ArrayLike) -> Combination | None:
    """Return how views are merged, as a vote; None for ``max``.

    Raises:
        ConfigError: If there is no such merge.
    """
    votes = {"mean": "soft", "geometric": "logit", "weighted": "weighted"}
    if merge not in MERGES:
        raise unknown_name("merge of views", merge, MERGES)
    return None if merge == "max" else fit_combination(votes[merge], p_VN, label_N)
