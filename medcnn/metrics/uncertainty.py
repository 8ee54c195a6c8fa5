"""Whether uncertainty finds the errors: risk against coverage, AURC, and what rejection buys.

El-Yaniv and Wiener, JMLR 11 (2010) 1605-1641; Geifman et al. (ICLR 2019) for the excess AURC. Cases
of equal uncertainty are taken in no particular order: each counts with the mean error of its tie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from medcnn.metrics.estimate import FloatArray


@dataclass(frozen=True)
class Aurc:
    """The area under the risk-coverage curve and the references it is read against.

    Attributes:
        value: The mean risk over all coverages; lower is better.
        random: What an uninformative uncertainty would have: the error rate.
        oracle: What an uncertainty that ranks every error last would have.
    """

    value: float
    random: float
    oracle: float

    @property
    def gain(self) -> float | None:
        """The share of the way from random to oracle; None where there is nothing to gain."""
        reach = self.random - self.oracle
        return (self.random - self.value) / reach if reach > 0 else None


@dataclass(frozen=True)
class Rejection:
    """What happens when the most uncertain share of the cases goes to a reader.

    Attributes:
        referred: The number of cases referred.
        risk_before: The error rate on all cases.
        risk_after: The error rate on the cases kept; None where none are.
        errors_caught: The share of all errors among those referred; None where there are none.
    """

    referred: int
    risk_before: float
    risk_after: float | None
    errors_caught: float | None


def risk_coverage(error: FloatArray, uncertainty: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return coverage ``1/N … 1`` and the mean error of the cases kept at each.

    Args:
        error: The loss of each case, 0 or 1 for right and wrong.
        uncertainty: Higher is referred sooner.
    """
    in_order = _by_certainty(error, uncertainty)
    kept = np.arange(1, len(error) + 1)
    return kept / len(error), np.cumsum(in_order) / kept


def aurc(error: FloatArray, uncertainty: FloatArray) -> Aurc:
    """Return the area under the risk-coverage curve with its references."""
    oracle = risk_coverage(error, np.asarray(error, dtype=np.float64))[1]
    value = risk_coverage(error, uncertainty)[1]
    return Aurc(float(value.mean()), float(np.mean(error)), float(oracle.mean()))


def reject(error: FloatArray, uncertainty: FloatArray, share: float) -> Rejection:
    """Refer the most uncertain ``share`` of the cases, rounded up to whole cases."""
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie within [0, 1], found {share}")
    n = len(error)
    # Rounded first: 0.1 * 30 is 3.0000000000000004, which is not four cases.
    referred = int(np.ceil(round(share * n, 9)))
    in_order = _by_certainty(error, uncertainty)
    wrong = float(in_order.sum())
    caught = float(in_order[n - referred :].sum())
    return Rejection(
        referred=referred,
        risk_before=wrong / n,
        risk_after=(wrong - caught) / (n - referred) if referred < n else None,
        errors_caught=caught / wrong if wrong > 0 else None,
    )


def binary_entropy(p: FloatArray) -> FloatArray:
    """Return the entropy of each probability in nats, 0 at 0 and 1."""
    return np.asarray(entr(p) + entr(1 - p))


def _by_certainty(error: FloatArray, uncertainty: FloatArray) -> FloatArray:
    """Return the errors, the most certain case first, ties averaged."""
    _, group, size = np.unique(uncertainty, return_inverse=True, return_counts=True)
    mean = np.bincount(group, weights=error) / size
    return np.repeat(mean, size)
