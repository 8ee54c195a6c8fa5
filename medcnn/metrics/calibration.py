"""Whether probabilities mean what they say: calibration errors, scores, slope and reliability.

Bins hold ``p`` in ``(low, high]`` (0 goes into the first), as torchmetrics does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from medcnn.metrics.estimate import Estimate, FloatArray, IntArray, by_cluster, undefined
from medcnn.metrics.influence import LOG, interval
from medcnn.metrics.proportions import normal_quantile, share, subset

BINS = 15
CLIP = 1e-7  # a probability of exactly 0 or 1 would make one wrong case infinitely costly


def equal_width_edges(bins: int = BINS) -> FloatArray:
    """Return the ``bins + 1`` edges of bins of equal width over [0, 1]."""
    return np.linspace(0.0, 1.0, bins + 1)


def equal_mass_edges(p: FloatArray, bins: int = BINS) -> FloatArray:
    """Return edges between which about equally many cases lie; tied scores stay together."""
    inner = np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    return np.unique(np.concatenate(([0.0], inner, [1.0])))


def bin_index(p: FloatArray, edges: FloatArray) -> IntArray:
    """Return the bin of each probability, from 0."""
    index = np.searchsorted(edges, p, side="left") - 1
    return np.clip(index, 0, len(edges) - 2)


def _gaps(label: IntArray, p: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the cases in each occupied bin and |observed - predicted| there."""
    index = bin_index(p, edges)
    count = np.bincount(index, minlength=len(edges) - 1)
    excess = np.bincount(index, weights=label - p, minlength=len(edges) - 1)
    used = count > 0
    return count[used].astype(float), np.abs(excess[used]) / count[used]


def expected_calibration_error(label: IntArray, p: FloatArray, edges: FloatArray) -> float:
    """Return the case-weighted mean gap over bins (ECE; Naeini et al. 2015)."""
    count, gap = _gaps(label, p, edges)
    return float(count @ gap / count.sum())


def maximum_calibration_error(label: IntArray, p: FloatArray, edges: FloatArray) -> float:
    """Return the largest gap of any occupied bin (MCE)."""
    return float(_gaps(label, p, edges)[1].max())


def brier_losses(label: IntArray, p: FloatArray) -> FloatArray:
    """Return each case's squared error; their mean is the Brier score."""
    return np.square(p - label)


def log_losses(label: IntArray, p: FloatArray) -> FloatArray:
    """Return each case's negative log-likelihood in nats, ``p`` clipped to [1e-7, 1 - 1e-7]."""
    clipped = np.clip(p, CLIP, 1 - CLIP)
    return -np.where(label == 1, np.log(clipped), np.log1p(-clipped))


def mean_estimate(
    losses: FloatArray, cluster: IntArray | None, level: float = 0.95, *, signed: bool = False
) -> Estimate:
    """Return a mean with its interval, on the log scale unless it is ``signed``.

    Losses are skewed: on the log scale 94 to 96 % of intervals for 95 hold the Brier score and the
    log loss, on the plain one with the normal quantile 91 to 96 (``scripts/benchmark_intervals.py``).
    """
    if len(losses) == 0:
        return undefined(by_cluster("student", cluster), "no cases")
    value = float(losses.mean())
    if signed or value <= 0:
        return interval(value, losses - value, "student", cluster=cluster, level=level)
    excess = losses - value
    return interval(value, excess, "student-log", scale=LOG, cluster=cluster, level=level)


def label_variance(label: IntArray, cluster: IntArray | None, level: float = 0.95) -> Estimate:
    """Return the ``uncertainty`` of the Brier score's parts from the interval of the prevalence.

    ``x (1 - x)`` rises to 1/4 at 0.5 and falls from there: a bootstrap, all of whose resamples lie
    below that, holds 1/4 in 87 % of samples for 95.
    """
    prevalence = share(label, cluster, level)
    method = prevalence.method.replace("wilson", "wilson-variance")
    if prevalence.value is None or prevalence.ci is None:
        return undefined(method, prevalence.note)
    value, *ends = (x * (1 - x) for x in (prevalence.value, *prevalence.ci))
    low, high = prevalence.ci
    return Estimate(value, (min(ends), 0.25 if low <= 0.5 <= high else max(ends)), method)


@dataclass(frozen=True)
class Reliability:
    """One occupied bin of the reliability diagram."""

    low: float
    high: float
    n: int
    predicted: float
    observed: Estimate


def reliability_curve(
    label: IntArray,
    p: FloatArray,
    edges: FloatArray,
    level: float = 0.95,
    cluster: IntArray | None = None,
) -> list[Reliability]:
    """Return mean predicted and observed frequency of each occupied bin, with Wilson intervals."""
    index = bin_index(p, edges)
    order = np.argsort(index, kind="stable")
    bounds = np.searchsorted(index[order], np.arange(len(edges)))
    found = []
    for k in np.flatnonzero(np.diff(bounds)):
        inside = order[bounds[k] : bounds[k + 1]]
        observed = share(label[inside], subset(cluster, inside), level)
        low, high, predicted = float(edges[k]), float(edges[k + 1]), float(p[inside].mean())
        found.append(Reliability(low, high, len(inside), predicted, observed))
    return found


def slope_and_intercept(
    label: IntArray, p: FloatArray, level: float = 0.95, cluster: IntArray | None = None
) -> tuple[Estimate, Estimate]:
    """Return the calibration slope and the calibration-in-the-large intercept.

    The slope is that of a logistic regression of the label on ``logit(p)``, 1 when right and below
    1 when over-confident; the intercept is fitted with the slope held at 1, 0 when right (Van
    Calster et al. 2019). The slope has Wald's interval, with ``cluster`` that of the sandwich variance
    over clusters (Liang and Zeger 1986) and Student's quantile. The intercept has the latter always:
    held at 1 where it is another, the slope makes the model wrong and its information with it, and
    Wald's interval holds 82 %. Undefined where a class is absent or the logits separate the classes.
    """
    clipped = np.clip(p, CLIP, 1 - CLIP)
    logit = np.log(clipped) - np.log1p(-clipped)
    ones = np.ones_like(logit)
    both = np.column_stack([ones, logit])
    return (
        _logistic(label, both, np.zeros_like(logit), level, 1, cluster),
        _logistic(label, ones[:, None], logit, level, 0, cluster, robust=True),
    )


def _logistic(
    label: IntArray,
    design: FloatArray,
    offset: FloatArray,
    level: float,
    take: int,
    cluster: IntArray | None,
    *,
    robust: bool = False,
) -> Estimate:
    """Return one coefficient of an unpenalised logistic regression, by damped Newton steps."""
    name = "sandwich" if robust else "wald"
    method = by_cluster(name, cluster)
    if label.min() == label.max():
        return undefined(method, "one class only")
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        mean = special.expit(design @ weights + offset)
        information = design.T @ (design * (mean * (1 - mean))[:, None])
        try:
            step = np.linalg.solve(information, design.T @ (label - mean))
        except np.linalg.LinAlgError:
            return undefined(method, "all probabilities are the same")
        size = float(np.max(np.abs(step)))
        if size < 1e-9:
            value, spread = float(weights[take]), np.linalg.inv(information)[take]
            if robust or cluster is not None:
                pull = (label - mean) * (design @ spread) * len(label)
                return interval(value, pull, name, cluster=cluster, level=level)
            half = normal_quantile(level) * float(np.sqrt(spread[take]))
            return Estimate(value, (value - half, value + half), method)
        weights = weights + step * min(1.0, 5.0 / size)
    return undefined(method, "no finite estimate: the probabilities separate the classes")
