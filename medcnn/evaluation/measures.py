"""The measures of a set of cases at a threshold, as Estimates under the names of the contract."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from medcnn.evaluation.cases import Cases
from medcnn.evaluation.parts import (
    BrierParts,
    Calibration,
    Decisions,
    Headline,
    LikelihoodRatios,
    NetBenefit,
    OperatingPoint,
    PredictiveValues,
)
from medcnn.metrics import agreement, calibration, curves, decision
from medcnn.metrics.areas import average_precision_estimate, partial_auroc_estimate
from medcnn.metrics.auroc import auroc
from medcnn.metrics.bins import calibration_errors
from medcnn.metrics.bootstrap import bootstrap
from medcnn.metrics.cells import MAX_FPR, CellMetrics, reduce_to_cells
from medcnn.metrics.decision import Confusion
from medcnn.metrics.estimate import BoolArray, Estimate, without_interval
from medcnn.metrics.proportions import cluster_count, effective_size, subset

SPECIFICITIES = (0.80, 0.90, 0.95)
SENSITIVITIES = (0.90, 0.95, 0.98)
PREVALENCES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
THRESHOLDS = tuple(round(step / 20, 2) for step in range(1, 20))
SHARES = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
BRIER_PARTS = ("reliability", "resolution", "within")
ERRORS = ("ece", "ece_equal_mass", "ace")
BEYOND = 5  # patients of the other class beyond a point of the curve, for its interval
FIXED_SPECIFICITY, FIXED_SENSITIVITY = "sensitivity_at_specificity", "specificity_at_sensitivity"


def confusion_of(cases: Cases, threshold: float) -> Confusion:
    """Return the confusion matrix at a threshold."""
    called = cases.p >= threshold
    tp = int(np.count_nonzero(called & (cases.label == 1)))
    fp = int(np.count_nonzero(called)) - tp
    return Confusion(tp, fp, cases.negatives - fp, cases.positives - tp)


def shares_of(cases: Cases, threshold: float) -> dict[str, tuple[BoolArray, BoolArray]]:
    """Return which cases each share counts, and which of them succeed, as two masks of N."""
    called, abnormal = cases.p >= threshold, cases.label == 1
    right = called == abnormal
    counted = (abnormal, ~abnormal, called, ~called, np.ones_like(called))
    return dict(zip(SHARES, ((mask, right) for mask in counted), strict=True))


def headline(cases: Cases, threshold: float, level: float) -> Headline:
    """Return sensitivity, specificity, PPV, NPV and accuracy (Wilson) and the AUROC (DeLong).

    Where patients have several images the intervals count patients, and ``method`` ends in
    ``clustered``; every page, table and comparison takes these numbers from here.
    """
    found = {
        name: cases.share(right, level, mask)
        for name, (mask, right) in shares_of(cases, threshold).items()
    }
    return Headline(**found, auroc=auroc(cases.label, cases.p, cluster=cases.cluster, level=level))


def headline_by_case(cases: Cases, threshold: float, level: float) -> Headline | None:
    """Return the headline as if each image were a patient of its own; None where it is.

    Too narrow where images of a patient are alike: for a footnote, and for who reads of such counts.
    """
    return (
        None if cases.cluster is None else headline(replace(cases, cluster=None), threshold, level)
    )


@dataclass(frozen=True)
class Resampled:
    """Points of the curve, which resampling gives an interval, and what nothing gives one.

    Attributes:
        sensitivity_at_specificity: By the specificity, two digits.
        specificity_at_sensitivity: By the sensitivity, two digits.
        errors: Calibration errors and parts of the Brier score, by name.
        youden_lost: What the threshold lost against the best one for these cases.
    """

    sensitivity_at_specificity: dict[str, Estimate]
    specificity_at_sensitivity: dict[str, Estimate]
    errors: dict[str, Estimate]
    youden_lost: Estimate


def resampled(cases: Cases, threshold: float, level: float, seed: int) -> Resampled:
    """Return the points of the curve, which only resampling gives an interval, and what has none."""
    cells = reduce_to_cells(cases.label, cases.p, threshold, cases.cluster)
    metrics = CellMetrics(cells, SPECIFICITIES, SENSITIVITIES)
    found = bootstrap(metrics.along_curve, cells.sample, level=level, seed=seed)
    if not cells.exact and cases.positives and cases.negatives:
        exact = _exact_points(curves.tally(cases.label, cases.p))
        found = {name: _recentred(estimate, exact[name]) for name, estimate in found.items()}
    at: dict[str, dict[str, Estimate]] = {FIXED_SPECIFICITY: {}, FIXED_SENSITIVITY: {}}
    for name, estimate in found.items():
        family, _, bound = name.partition(" ")
        at[family][bound] = point_of_curve(estimate, name, cases)
    return Resampled(
        **at,
        errors=calibration_errors(cases.label, cases.p),
        youden_lost=_youden_lost(cases, threshold),
    )


def point_of_curve(estimate: Estimate, name: str, cases: Cases) -> Estimate:
    """Return a point of the curve, without its interval where hardly a case lies beyond it.

    The point hangs on the few cases of the other class beyond it: with fewer than ``BEYOND`` patients
    expected there, the interval holds 50 to 93 % for 95 (``scripts/coverage_intervals.py``).

    Args:
        estimate: The sensitivity at a specificity or the reverse, or a difference of two.
        name: Which of them, such as ``specificity_at_sensitivity 0.95``.
        cases: The cases.
    """
    family, _, bound = name.partition(" ")
    fixed = cases.label == (1 if family == FIXED_SENSITIVITY else 0)
    cluster = subset(cases.cluster, fixed)
    units = int(np.count_nonzero(fixed)) if cluster is None else cluster_count(cluster)
    enough = round(units * (1 - float(bound)), 9) >= BEYOND
    return estimate if enough else without_interval(estimate.value, "few")


def _youden_lost(cases: Cases, threshold: float) -> Estimate:
    if not (cases.positives and cases.negatives):
        return without_interval(None, "maximum")
    counts = curves.tally(cases.label, cases.p)
    # The last is a threshold above every score, which gains nothing.
    gained = np.append(counts.tp / counts.positives - counts.fp / counts.negatives, 0.0)
    called = np.count_nonzero(counts.score >= threshold)
    return without_interval(float(gained.max() - gained[called - 1]), "maximum")


def average_precision(cases: Cases, level: float) -> Estimate:
    """Return the area under precision over recall, step by step."""
    return average_precision_estimate(cases.label, cases.p, cluster=cases.cluster, level=level)


def partial_auroc(cases: Cases, level: float) -> dict[str, Estimate]:
    """Return the partial AUROC (McClish 1989, rescaled to [0.5, 1]) by its largest 1 - specificity."""
    found = partial_auroc_estimate(
        cases.label, cases.p, MAX_FPR, cluster=cases.cluster, level=level
    )
    return {f"{MAX_FPR:.2f}": found}


def of_decisions(cases: Cases, threshold: float, level: float) -> Decisions:
    """Return balanced accuracy, F1 and Matthews' correlation at the threshold."""
    at = headline(cases, threshold, level)
    called = (cases.p >= threshold).astype(np.int64)
    return Decisions(
        balanced_accuracy=balanced_accuracy(at.sensitivity, at.specificity),
        f1=agreement.f1(called, cases.label, level, cases.cluster),
        mcc=agreement.matthews(called, cases.label, level, cases.cluster),
    )


def balanced_accuracy(sensitivity: Estimate, specificity: Estimate) -> Estimate:
    """Return the mean of sensitivity and specificity from their two intervals.

    Both come from different cases, so their squared distances add (MOVER, Zou and Donner 2008). With
    10 abnormal cases the bootstrap covers 80 % for 95, this 95 (``scripts/benchmark_intervals.py``).
    """
    method = "mover-clustered" if sensitivity.method.endswith("clustered") else "mover"
    if sensitivity.value is None or specificity.value is None:
        return Estimate(None, None, method, "a class is absent")
    value = (sensitivity.value + specificity.value) / 2
    if sensitivity.ci is None or specificity.ci is None:
        return Estimate(value, None, method)
    low, high = (
        math.hypot(sensitivity.ci[end] - sensitivity.value, specificity.ci[end] - specificity.value)
        for end in (0, 1)
    )
    return Estimate(value, (max(value - low / 2, 0.0), min(value + high / 2, 1.0)), method)


def _exact_points(counts: curves.Tally) -> dict[str, float]:
    sensitivity = {
        f"{FIXED_SPECIFICITY} {bound:.2f}": curves.sensitivity_at_specificity(counts, bound)
        for bound in SPECIFICITIES
    }
    return sensitivity | {
        f"{FIXED_SENSITIVITY} {bound:.2f}": curves.specificity_at_sensitivity(counts, bound)
        for bound in SENSITIVITIES
    }


def _recentred(binned: Estimate, exact: float) -> Estimate:
    """Return the exact value with the interval of the binned one, moved along."""
    if binned.value is None or binned.ci is None:
        return replace(binned, value=exact)
    low, high = (min(max(bound + exact - binned.value, 0.0), 1.0) for bound in binned.ci)
    return replace(binned, value=exact, ci=(low, high), note=f"{binned.note}, scores in bins")


def calibration_of(
    cases: Cases, level: float, errors: Mapping[str, Estimate], temperature: float | None = None
) -> Calibration:
    """Return the calibration of the probabilities, ``errors`` among it."""
    label, p, cluster = cases.label, cases.p, cases.cluster
    slope, intercept = calibration.slope_and_intercept(label, p, level, cluster)
    losses = calibration.brier_losses(label, p), calibration.log_losses(label, p)
    brier, nll = (calibration.mean_estimate(each, cluster, level) for each in losses)
    edges = calibration.equal_width_edges()
    variance = calibration.label_variance(label, cluster, level)
    return Calibration(
        brier=brier,
        nll=nll,
        ece=errors["ece"],
        ece_equal_mass=errors["ece_equal_mass"],
        ace=errors["ace"],
        mce=errors["mce"],
        bins=calibration.BINS,
        slope=slope,
        intercept=intercept,
        brier_decomposition=BrierParts(
            **{name: errors[name] for name in BRIER_PARTS}, uncertainty=variance
        ),
        reliability=tuple(calibration.reliability_curve(label, p, edges, level, cluster)),
        temperature=temperature,
    )


def effective_confusion(cases: Cases, threshold: float) -> Confusion:
    """Return the confusion matrix of as many independent cases as the clustered ones are worth."""
    c = confusion_of(cases, threshold)
    if cases.cluster is None:
        return c
    scales = {}
    for name, (mask, right) in shares_of(cases, threshold).items():
        n = int(np.count_nonzero(mask))
        scales[name] = effective_size(right[mask].astype(float), cases.cluster[mask]) / max(n, 1)
    abnormal, normal = scales["sensitivity"], scales["specificity"]
    return Confusion(c.tp * abnormal, c.fp * normal, c.tn * normal, c.fn * abnormal)


def likelihood_ratios(cases: Cases, threshold: float, level: float) -> LikelihoodRatios:
    """Return how much a decision at the threshold changes the odds of abnormal."""
    return LikelihoodRatios(
        *decision.likelihood_ratios(effective_confusion(cases, threshold), level)
    )


def predictive_values(
    cases: Cases, threshold: float, prevalence: float, level: float
) -> PredictiveValues:
    """Return PPV and NPV at a stated prevalence, from the sensitivity and specificity seen."""
    c = effective_confusion(cases, threshold)
    return PredictiveValues(prevalence, *decision.predictive_values_at(c, prevalence, level))


def net_benefit(cases: Cases, threshold: float, level: float) -> Estimate:
    """Return the net benefit of acting on the model's probabilities from a threshold on."""
    return decision.net_benefit(cases.label, cases.p, threshold, cluster=cases.cluster, level=level)


def decision_curve(cases: Cases, level: float) -> tuple[NetBenefit, ...]:
    """Return the net benefit of the model and of calling all cases abnormal, by threshold."""
    everyone = replace(cases, p=np.ones_like(cases.p))
    return tuple(
        NetBenefit(cut, *(net_benefit(each, cut, level) for each in (cases, everyone)))
        for cut in THRESHOLDS
    )


def operating_points(cases: Cases, threshold: float, level: float) -> tuple[OperatingPoint, ...]:
    """Return sensitivity and specificity at fixed thresholds and at the chosen one."""
    points = []
    for at in sorted({*THRESHOLDS[1::2], threshold}):
        counted = shares_of(cases, at)
        found = {
            name: cases.share(right, level, mask)
            for name in ("sensitivity", "specificity")
            for mask, right in [counted[name]]
        }
        points.append(OperatingPoint(at, at == threshold, **found))
    return tuple(points)
