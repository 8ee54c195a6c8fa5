"""The measures of a set of cases at a threshold, as Estimates under the names of the contract."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from medcnn.evaluation.cases import Cases
from medcnn.metrics import agreement, calibration, curves, decision
from medcnn.metrics.areas import average_precision_estimate, partial_auroc_estimate
from medcnn.metrics.auroc import auroc
from medcnn.metrics.bins import DISTANCES
from medcnn.metrics.bootstrap import bootstrap
from medcnn.metrics.cells import MAX_FPR, CellMetrics, reduce_to_cells
from medcnn.metrics.decision import Confusion
from medcnn.metrics.estimate import BoolArray, Estimate
from medcnn.metrics.proportions import effective_size, share, subset

SPECIFICITIES = (0.80, 0.90, 0.95)
SENSITIVITIES = (0.90, 0.95, 0.98)
PREVALENCES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
THRESHOLDS = tuple(round(step / 20, 2) for step in range(1, 20))
SHARES = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
BRIER_PARTS = ("reliability", "resolution", "within")
ERRORS = ("ece", "ece_equal_mass", "ace")


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


def headline(cases: Cases, threshold: float, level: float) -> dict[str, Estimate]:
    """Return sensitivity, specificity, PPV, NPV and accuracy (Wilson) and the AUROC (DeLong).

    Where patients have several images the intervals count patients, and ``method`` ends in
    ``clustered``; every page, table and comparison takes these numbers from here.
    """
    found = {
        name: share(right[mask], subset(cases.cluster, mask), level)
        for name, (mask, right) in shares_of(cases, threshold).items()
    }
    found["auroc"] = auroc(cases.label, cases.p, cluster=cases.cluster, level=level)
    return found


def headline_by_case(cases: Cases, threshold: float, level: float) -> dict[str, Estimate]:
    """Return the headline as if each image were a patient of its own; empty where it is.

    Too narrow where images of a patient are alike: for a footnote, and for who reads of such counts.
    """
    return {} if cases.cluster is None else headline(replace(cases, cluster=None), threshold, level)


def resampled(cases: Cases, threshold: float, level: float, seed: int) -> dict[str, Any]:
    """Return what only resampling gives an interval: points of the curves, calibration errors, ….

    ``calibration`` holds the calibration errors, ``youden_lost`` belongs to ``chosen_point``.
    """
    cells = reduce_to_cells(cases.label, cases.p, threshold, cases.cluster)
    metrics = CellMetrics(cells, SPECIFICITIES, SENSITIVITIES)
    found = bootstrap(
        metrics.without_formula,
        cells.sample,
        level=level,
        seed=seed,
        distances=DISTANCES,
        maxima=["youden_lost"],
    )
    if not cells.exact and cases.positives and cases.negatives:
        exact = _exact_values(curves.tally(cases.label, cases.p), threshold)
        found |= {name: _recentred(found[name], value) for name, value in exact.items()}
    nested: dict[str, Any] = {"sensitivity_at_specificity": {}, "specificity_at_sensitivity": {}}
    nested["calibration"] = {name: found.pop(name) for name in (*ERRORS, *BRIER_PARTS)}
    for name, estimate in found.items():
        family, _, bound = name.partition(" ")
        if bound:
            nested[family][bound] = estimate
        else:
            nested[name] = estimate
    return nested


def areas(cases: Cases, level: float) -> dict[str, Any]:
    """Return average precision and partial AUROC."""
    label, p, cluster = cases.label, cases.p, cases.cluster
    partial = partial_auroc_estimate(label, p, MAX_FPR, cluster=cluster, level=level)
    return {
        "average_precision": average_precision_estimate(label, p, cluster=cluster, level=level),
        "partial_auroc": {f"{MAX_FPR:.2f}": partial},
    }


def of_decisions(cases: Cases, threshold: float, level: float) -> dict[str, Estimate]:
    """Return balanced accuracy, F1 and Matthews' correlation at the threshold."""
    at = headline(cases, threshold, level)
    called = (cases.p >= threshold).astype(np.int64)
    return {
        "balanced_accuracy": balanced_accuracy(at),
        "f1": agreement.f1(called, cases.label, level, cases.cluster),
        "mcc": agreement.matthews(called, cases.label, level, cases.cluster),
    }


def balanced_accuracy(at: Mapping[str, Estimate]) -> Estimate:
    """Return the mean of sensitivity and specificity from their two intervals.

    Both come from different cases, so their squared distances add (MOVER, Zou and Donner 2008). With
    10 abnormal cases the bootstrap covers 80 % for 95, this 95 (``scripts/benchmark_intervals.py``).
    """
    sensitivity, specificity = at["sensitivity"], at["specificity"]
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


def _exact_values(counts: curves.Tally, threshold: float) -> dict[str, float]:
    gained = np.append(counts.tp / counts.positives - counts.fp / counts.negatives, 0.0)
    called = np.count_nonzero(counts.score >= threshold)
    exact = {
        "youden_lost": float(gained.max() - gained[called - 1]),
    }
    for bound in SPECIFICITIES:
        name = f"sensitivity_at_specificity {bound:.2f}"
        exact[name] = curves.sensitivity_at_specificity(counts, bound)
    for bound in SENSITIVITIES:
        name = f"specificity_at_sensitivity {bound:.2f}"
        exact[name] = curves.specificity_at_sensitivity(counts, bound)
    return exact


def _recentred(binned: Estimate, exact: float) -> Estimate:
    """Return the exact value with the interval of the binned one, moved along."""
    if binned.value is None or binned.ci is None:
        return replace(binned, value=exact)
    low, high = (min(max(bound + exact - binned.value, 0.0), 1.0) for bound in binned.ci)
    return replace(binned, value=exact, ci=(low, high), note=f"{binned.note}, scores in bins")


def calibration_of(cases: Cases, level: float, errors: Mapping[str, Estimate]) -> dict[str, Any]:
    """Return the calibration of the probabilities; ``errors`` come from the bootstrap."""
    label, p, cluster = cases.label, cases.p, cases.cluster
    slope, intercept = calibration.slope_and_intercept(label, p, level, cluster)
    losses = calibration.brier_losses(label, p), calibration.log_losses(label, p)
    brier, nll = (calibration.mean_estimate(each, cluster, level) for each in losses)
    edges = calibration.equal_width_edges()
    rows = calibration.reliability_curve(label, p, edges, level, cluster)
    return {
        "brier": brier,
        "nll": nll,
        **{name: errors[name] for name in ERRORS},
        "mce": calibration.maximum_error_estimate(label, p, edges, level, cluster),
        "bins": calibration.BINS,
        "slope": slope,
        "intercept": intercept,
        "brier_decomposition": {
            **{name: errors[name] for name in BRIER_PARTS},
            "uncertainty": calibration.label_variance(label, cluster, level),
        },
        "reliability": [asdict(row) | {"observed": row.observed} for row in rows],
    }


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


def decision_of(cases: Cases, threshold: float, level: float) -> dict[str, Any]:
    """Return likelihood ratios, predictive values, net benefit and the number needed to read."""
    c = effective_confusion(cases, threshold)
    at = headline(cases, threshold, level)
    return {
        "likelihood_ratios": {
            "positive": decision.likelihood_ratio_positive(c, level),
            "negative": decision.likelihood_ratio_negative(c, level),
            "diagnostic_odds_ratio": decision.diagnostic_odds_ratio(c, level),
        },
        "number_needed_to_read": decision.number_needed_to_read(at["ppv"]),
        "predictive_values": [
            {"prevalence": at} | dict(zip(("ppv", "npv"), values, strict=True))
            for at in PREVALENCES
            for values in [decision.predictive_values_at(c, at, level)]
        ],
        "decision_curve": [
            {
                "threshold": cut,
                **{
                    name: decision.net_benefit(
                        cases.label, p, cut, cluster=cases.cluster, level=level
                    )
                    for name, p in (("net_benefit", cases.p), ("all", np.ones_like(cases.p)))
                },
            }
            for cut in THRESHOLDS
        ],
    }


def operating_points(cases: Cases, threshold: float, level: float) -> list[dict[str, Any]]:
    """Return sensitivity and specificity at fixed thresholds and at the chosen one."""
    points = []
    for at in sorted({*THRESHOLDS[1::2], threshold}):
        counted = shares_of(cases, at)
        found = {
            name: share(right[mask], subset(cases.cluster, mask), level)
            for name in ("sensitivity", "specificity")
            for mask, right in [counted[name]]
        }
        points.append({"threshold": at, "chosen": at == threshold, **found})
    return points
