"""What a test is worth to a decision: likelihood ratios, predictive values, net benefit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from medcnn.metrics.estimate import (
    BoolArray,
    Estimate,
    FloatArray,
    IntArray,
    by_cluster,
    undefined,
)
from medcnn.metrics.proportions import normal_quantile, share

CORRECTED = "a cell of the confusion matrix is 0: 0.5 added to each (Haldane and Anscombe)"


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix at a threshold; of as many independent cases as clustered ones are worth."""

    tp: float
    fp: float
    tn: float
    fn: float

    def cells(self) -> tuple[float, float, float, float, str]:
        """Return tp, fp, tn, fn, by 0.5 larger where one is 0, and the note that says so."""
        counts = (self.tp, self.fp, self.tn, self.fn)
        extra = 0.5 if 0 in counts else 0.0
        tp, fp, tn, fn = (count + extra for count in counts)
        return tp, fp, tn, fn, CORRECTED if extra else ""

    @property
    def lacks_a_class(self) -> bool:
        """Whether there is no abnormal or no normal case."""
        return self.tp + self.fn == 0 or self.tn + self.fp == 0


def likelihood_ratios(
    confusion: Confusion, level: float = 0.95
) -> tuple[Estimate, Estimate, Estimate]:
    """Return the positive and the negative likelihood ratio, and the diagnostic odds ratio.

    Sensitivity / (1 - specificity) and (1 - sensitivity) / specificity by the log method of Simel et
    al. (1991); tp·tn / (fp·fn) by that of Woolf (Glas et al. 2003).
    """
    if confusion.lacks_a_class:
        absent = undefined("log", "a class is absent")
        return absent, absent, absent
    tp, fp, tn, fn, note = confusion.cells()
    positive, negative = (tp / (tp + fn)) / (fp / (fp + tn)), (fn / (tp + fn)) / (tn / (fp + tn))
    of_positive = 1 / tp - 1 / (tp + fn) + 1 / fp - 1 / (fp + tn)
    of_negative = 1 / fn - 1 / (tp + fn) + 1 / tn - 1 / (fp + tn)
    return (
        _log_interval(positive, of_positive, level, note),
        _log_interval(negative, of_negative, level, note),
        _log_interval(tp * tn / (fp * fn), 1 / tp + 1 / fp + 1 / tn + 1 / fn, level, note),
    )


def _log_interval(ratio: float, variance: float, level: float, note: str) -> Estimate:
    spread = math.exp(normal_quantile(level) * math.sqrt(max(variance, 0.0)))
    return Estimate(ratio, (ratio / spread, ratio * spread), "log", note)


def predictive_values_at(
    confusion: Confusion, prevalence: float, level: float = 0.95
) -> tuple[Estimate, Estimate]:
    """Return PPV and NPV in a population of another prevalence.

    Bayes' theorem on the sensitivity and specificity seen here; logit intervals of Mercaldo, Lau
    and Zhou, Statistics in Medicine 26 (2007) 2170-2183. They assume that sensitivity and
    specificity carry over to that population.
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"prevalence must lie within (0, 1), found {prevalence}")
    if confusion.lacks_a_class:
        return undefined("logit", "a class is absent"), undefined("logit", "a class is absent")
    tp, fp, tn, fn, note = confusion.cells()
    odds = math.log(prevalence / (1 - prevalence))
    positives, negatives = tp + fn, tn + fp
    z = normal_quantile(level)
    ppv = math.log(tp / positives) - math.log(fp / negatives) + odds
    npv = math.log(tn / negatives) - math.log(fn / positives) - odds
    of_ppv = z * math.sqrt(fn / (tp * positives) + tn / (fp * negatives))
    of_npv = z * math.sqrt(tp / (fn * positives) + fp / (tn * negatives))
    return _expit(ppv, of_ppv, note), _expit(npv, of_npv, note)


def _expit(logit: float, half: float, note: str) -> Estimate:
    value, low, high = special.expit([logit, logit - half, logit + half])
    return Estimate(float(value), (float(low), float(high)), "logit", note)


def number_needed_to_read(ppv: Estimate) -> Estimate:
    """Return how many flagged images are read for each abnormal one found: 1 / PPV."""
    method = ppv.method.replace("wilson", "wilson-inverted")
    if not ppv.value or ppv.ci is None:
        return undefined(method, "no abnormal case was flagged")
    low, high = ppv.ci
    return Estimate(1 / ppv.value, (1 / high, 1 / low), method)


def net_benefit(
    label: IntArray,
    p: FloatArray,
    threshold: float,
    *,
    cluster: IntArray | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the net benefit of acting on ``p >= threshold``, in true positives a case.

    A decision curve is this over thresholds; a false alarm weighs ``t / (1 - t)`` (Vickers and
    Elkin 2006). Acting on all is this for ``p`` of 1 throughout; acting on none has 0.

    The interval adds the squared distances of two of Wilson's, of true and of false positives among
    all cases, with their correlation (MOVER; Zou and Donner, Statistics in Medicine 27 (2008)
    1693-1702). Where false alarms are few and weigh much, a mean with Student's quantile covers 17 to
    90 % for 95: with none among them it knows of no such risk.
    """
    weight = threshold / (1 - threshold)
    hit, alarm = ((p >= threshold) & (label == k) for k in (1, 0))
    gain, cost = (share(each, cluster, level) for each in (hit, alarm))
    method = by_cluster("mover", cluster)
    if gain.value is None or gain.ci is None or cost.value is None or cost.ci is None:
        return undefined(method, "no cases")
    value = gain.value - weight * cost.value
    below, above = (
        math.sqrt(max(a * a + b * b - 2 * _together(hit, alarm, cluster) * a * b, 0.0))
        for a, b in (
            (gain.value - gain.ci[0], weight * (cost.ci[1] - cost.value)),
            (gain.ci[1] - gain.value, weight * (cost.value - cost.ci[0])),
        )
    )
    return Estimate(value, (value - below, value + above), method)


def _together(first: BoolArray, second: BoolArray, cluster: IntArray | None) -> float:
    """Return the correlation of two shares of the same cases, 0 where one does not vary."""
    one, two = (each - each.mean() for each in (first, second))
    if cluster is not None:
        one, two = (np.bincount(cluster, each) for each in (one, two))
    spread = math.sqrt(float(one @ one) * float(two @ two))
    return float(one @ two) / spread if spread > 0 else 0.0
