"""Whether uncertainty finds the errors: risk against coverage, AURC, and what rejection buys.

El-Yaniv and Wiener, JMLR 11 (2010) 1605-1641; Geifman et al. (ICLR 2019) for the excess AURC. Cases
of equal uncertainty are taken in no particular order: each counts with the mean error of its tie.
Intervals of areas come from the infinitesimal jackknife: how much each case, or all cases of a
patient, would move the area if it counted a little more (Efron, SIAM 1982, chapter 6).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from medcnn.metrics.estimate import Estimate, FloatArray, IntArray, undefined
from medcnn.metrics.influence import LOGIT, interval
from medcnn.metrics.proportions import share, subset


@dataclass(frozen=True)
class Aurc:
    """The area under the risk-coverage curve and the references it is read against.

    Attributes:
        value: The mean risk over all coverages; lower is better.
        random: What an uninformative uncertainty would have: the error rate.
        oracle: What an uncertainty that ranks every error last would have.
        gain: The share of the way from random to oracle; undefined where there is nothing to gain.
    """

    value: Estimate
    random: Estimate
    oracle: Estimate
    gain: Estimate


@dataclass(frozen=True)
class Rejection:
    """What happens when the most uncertain share of the cases goes to a reader.

    Attributes:
        share: The share.
        referred: The number of cases referred.
        risk_before: The error rate on all cases.
        risk_after: The error rate on the cases kept; undefined where none are.
        errors_caught: The share of all errors among those referred; undefined where there are none.
    """

    share: float
    referred: int
    risk_before: Estimate
    risk_after: Estimate
    errors_caught: Estimate


def risk_coverage(error: FloatArray, uncertainty: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return coverage ``1/N … 1`` and the mean error of the cases kept at each.

    Args:
        error: The loss of each case, 0 or 1 for right and wrong.
        uncertainty: Higher is referred sooner.
    """
    in_order = _by_certainty(error, uncertainty)[0]
    kept = np.arange(1, len(error) + 1)
    return kept / len(error), np.cumsum(in_order) / kept


def risks_at(
    error: FloatArray,
    uncertainty: FloatArray,
    kept: Iterable[int],
    cluster: IntArray | None = None,
    level: float = 0.95,
) -> list[Estimate]:
    """Return the error rate of each number of most certain cases, undefined for none.

    Args:
        error: 0 or 1 for right and wrong.
        uncertainty: Higher is referred sooner.
        kept: Numbers of cases.
        cluster: The patient of each case as integers from 0.
        level: Nominal coverage of the intervals.
    """
    in_order, order, _ = _by_certainty(error, uncertainty)
    patient = subset(cluster, order)
    return [share(in_order[:n], subset(patient, slice(n)), level) for n in kept]


def aurc(
    error: FloatArray,
    uncertainty: FloatArray,
    cluster: IntArray | None = None,
    level: float = 0.95,
) -> Aurc:
    """Return the area under the risk-coverage curve with its references.

    Args:
        error: 0 or 1 for right and wrong.
        uncertainty: Higher is referred sooner.
        cluster: The patient of each case as integers from 0.
        level: Nominal coverage of the intervals.
    """
    value, pull = _area(error, uncertainty)
    oracle, oracle_pull = _area(error, np.asarray(error, dtype=np.float64))
    rate = float(np.mean(error))
    reach = rate - oracle
    gain = undefined("jackknife", "no errors, or nothing but errors")
    if reach > 0:
        share_gained = (rate - value) / reach
        rate_pull = error - rate
        moved = (rate_pull - pull - share_gained * (rate_pull - oracle_pull)) / reach
        gain = interval(share_gained, moved, "jackknife", cluster=cluster, level=level)
    return Aurc(
        _area_estimate(value, pull, cluster, level),
        share(error, cluster, level),
        _area_estimate(oracle, oracle_pull, cluster, level),
        gain,
    )


def _area(error: FloatArray, uncertainty: FloatArray) -> tuple[float, FloatArray]:
    """Return the area and how fast it grows with the weight of each case, in the order given."""
    in_order, order, tie = _by_certainty(error, uncertainty)
    kept = np.arange(1, len(error) + 1)
    risk = np.cumsum(in_order) / kept
    value = float(risk.mean())
    # A case enters the risk at its own place and at all that follow; those of a tie share theirs.
    after, risk_after = (np.cumsum(each[::-1])[::-1] for each in (1 / kept, risk / kept))
    size = np.bincount(tie)
    own, following, follows = (
        (np.bincount(tie, each) / size)[tie] for each in (risk, after, risk_after)
    )
    pull = np.empty(len(error))
    pull[order] = own + error[order] * following - follows - value
    return value, pull


def _area_estimate(
    value: float, pull: FloatArray, cluster: IntArray | None, level: float
) -> Estimate:
    """Return an area with its interval; it is 0 where nothing is wrong and 1 where all is."""
    if not 0 < value < 1:
        return interval(value, pull, "jackknife", cluster=cluster, level=level)
    return interval(value, pull, "jackknife-logit", scale=LOGIT, cluster=cluster, level=level)


def reject(
    error: FloatArray,
    uncertainty: FloatArray,
    part: float,
    cluster: IntArray | None = None,
    level: float = 0.95,
) -> Rejection:
    """Refer the most uncertain ``part`` of the cases, rounded up to whole cases."""
    if not 0 <= part <= 1:
        raise ValueError(f"part must lie within [0, 1], found {part}")
    n = len(error)
    # Rounded first: 0.1 * 30 is 3.0000000000000004, which is not four cases.
    referred = int(np.ceil(round(part * n, 9)))
    in_order, order, tie = _by_certainty(error, uncertainty)
    patient = subset(cluster, order)
    before = share(in_order, patient, level)
    after = share(in_order[: n - referred], subset(patient, slice(n - referred)), level)
    gone = np.bincount(tie, np.arange(n) >= n - referred) / np.bincount(tie)
    wrong = error[order] > 0
    caught = share(gone[tie][wrong], subset(patient, wrong), level)
    return Rejection(part, referred, before, after, caught)


def binary_entropy(p: FloatArray) -> FloatArray:
    """Return the entropy of each probability in nats, 0 at 0 and 1."""
    return np.asarray(entr(p) + entr(1 - p))


def _by_certainty(
    error: FloatArray, uncertainty: FloatArray
) -> tuple[FloatArray, IntArray, IntArray]:
    """Return the errors, the most certain case first and ties averaged, that order, and the ties."""
    order = np.argsort(uncertainty, kind="stable")
    tie = np.unique(uncertainty[order], return_inverse=True)[1]
    mean = np.bincount(tie, weights=error[order]) / np.bincount(tie)
    return mean[tie], order, tie
