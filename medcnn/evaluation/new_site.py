"""What to expect at a new site: every source as tested by a model that never saw it, pooled.

Internal-external validation (Royston, Parmar and Sylvester, Statistics in Medicine 23, 2004; Debray et
al., BMJ 356 (2017) i6460; Steyerberg and Harrell, J. Clinical Epidemiology 69, 2016). The interval of
the pooled value says what the middle source is like; the prediction interval where the next will be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from medcnn.evaluation.cross_validation import at_fold_threshold
from medcnn.metrics.auroc import auroc_variance
from medcnn.metrics.bivariate import between_sources
from medcnn.metrics.estimate import Estimate, FloatArray
from medcnn.metrics.heterogeneity import random_effects
from medcnn.metrics.pooling import METHOD, pool_shares
from medcnn.metrics.proportions import cluster_count, effective_size
from medcnn.predictions import clusters_of

MEASURES = ("sensitivity", "specificity", "auroc")
LEAST = 3
"""Sources without which there is no prediction interval."""


@dataclass(frozen=True)
class Expected:
    """One measure at a new site.

    Attributes:
        value: At the middle source; None where too few sources tell.
        ci: Interval of that.
        prediction_interval: Where the measure of a further source will lie.
        method: How they were made.
    """

    value: float | None
    ci: tuple[float, float] | None
    prediction_interval: tuple[float, float] | None
    method: str


@dataclass(frozen=True, kw_only=True)
class NewSite:
    """The ``new_site`` entry of ``results.json``; ``sources`` were pooled."""

    sensitivity: Expected
    specificity: Expected
    auroc: Expected
    sources: int


@dataclass(frozen=True, kw_only=True)
class SourceResults:
    """One source, at the threshold of the model that never saw it."""

    source: str
    fold: int
    n: int
    n_patients: int
    prevalence: float
    threshold: float
    sensitivity: Estimate
    specificity: Estimate
    auroc: Estimate


@dataclass(frozen=True, kw_only=True)
class Heterogeneity:
    """How far the sources differ in one measure.

    Attributes:
        sources: Those that have it.
        tau: Standard deviation between sources on the logit scale.
        i2: The part of their spread that sampling does not explain.
        worst: The source with the lowest value.
    """

    sources: int
    tau: float
    i2: float
    worst: str


@dataclass(frozen=True, kw_only=True)
class SourcesResults:
    """The ``sources`` entry of ``results.json``: what ``new_site`` was pooled from.

    Attributes:
        by: The column of the sources.
        threshold_on: ``val``: each model's own; ``out_of_source``: chosen on the other folds.
        heterogeneity: Of each measure that three sources have.
        by_source: Each source, by name.
        correlation: Of logit sensitivity and specificity between sources, by bivariate random effects;
            None where these do not converge.
    """

    by: str
    threshold_on: str
    heterogeneity: dict[str, Heterogeneity]
    by_source: tuple[SourceResults, ...]
    correlation: float | None = None


def new_site_results(
    table: pd.DataFrame, by: str, threshold_on: str, level: float = 0.95
) -> tuple[NewSite, SourcesResults]:
    """Return what to expect at a new site, and what each source showed.

    Args:
        table: Out-of-source predictions with ``source``, ``fold``, ``p_fold`` and ``fold_threshold``.
        by: The column of the sources.
        threshold_on: What thresholds were chosen on.
        level: Of all intervals.
    """
    parts = [part for _, part in table.groupby("source", sort=True)]
    rows = tuple(_of_source(part, level) for part in parts)
    expected, differing = {}, {}
    worth = {
        name: [_worth(part, row, name) for row, part in zip(rows, parts, strict=True)]
        for name in MEASURES
    }
    for name, cases in worth.items():
        known = [(row, n) for row, n in zip(rows, cases, strict=True) if n is not None]
        expected[name], found = _pooled(known, name, level)
        if found is not None:
            differing[name] = found
    return (
        NewSite(**expected, sources=len(rows)),
        SourcesResults(
            by=by,
            threshold_on=threshold_on,
            heterogeneity=differing,
            by_source=rows,
            correlation=_correlation(rows, worth),
        ),
    )


def _of_source(part: pd.DataFrame, level: float) -> SourceResults:
    return SourceResults(
        source=str(part["source"].iloc[0]),
        fold=int(part["fold"].iloc[0]),
        n=len(part),
        n_patients=int(part["patient_id"].nunique()),
        prevalence=float(part["label"].mean()),
        threshold=float(part["fold_threshold"].iloc[0]),
        **at_fold_threshold(part, level),
    )


def _worth(part: pd.DataFrame, row: SourceResults, name: str) -> float | None:
    """Return how many independent cases a measure of a source is worth; None where it has none.

    Images of a patient count by their design effect. An AUROC is worth as many cases as a share of
    that value and variance would have, and where the classes are apart the smaller of them.
    """
    estimate: Estimate = getattr(row, name)
    value = estimate.value
    if value is None:
        return None
    label, cluster = part["label"].to_numpy(np.int64), clusters_of(part["patient_id"])
    called = (part["p_fold"] >= part["fold_threshold"]).to_numpy()
    if name != "auroc":
        chosen = label == (1 if name == "sensitivity" else 0)
        hit = (called == (label == 1))[chosen].astype(np.float64)
        return float(len(hit)) if cluster is None else effective_size(hit, cluster[chosen])
    sizes = [
        float(mask.sum()) if cluster is None else cluster_count(cluster[mask])
        for mask in (label == 1, label == 0)
    ]
    variance = auroc_variance(label, part["p_fold"].to_numpy(np.float64), cluster)
    if variance is None or variance <= 0 or value in (0.0, 1.0):
        return min(sizes)
    return min(value * (1 - value) / variance, sum(sizes))


def _pooled(
    known: Sequence[tuple[SourceResults, float]], name: str, level: float
) -> tuple[Expected, Heterogeneity | None]:
    if len(known) < LEAST:
        return Expected(None, None, None, f"no-interval-{len(known)}-sources"), None
    values = np.array([getattr(row, name).value for row, _ in known], np.float64)
    cases = np.array([worth for _, worth in known], np.float64)
    events = values * cases
    pooled = pool_shares(events, cases, level)
    i2 = random_effects(*_logits(events, cases), level).i2
    worst = known[int(values.argmin())][0].source
    return (
        Expected(pooled.value, pooled.ci, pooled.prediction, METHOD),
        Heterogeneity(sources=len(known), tau=pooled.tau, i2=i2, worst=worst),
    )


def _correlation(
    rows: Sequence[SourceResults], worth: Mapping[str, Sequence[float | None]]
) -> float | None:
    """Return how sensitivity and specificity go together over the sources that have both."""
    both = [
        (sensitivity * n, specificity * m, n, m)
        for row, n, m in zip(rows, worth["sensitivity"], worth["specificity"], strict=True)
        if n is not None
        and m is not None
        and (sensitivity := row.sensitivity.value) is not None
        and (specificity := row.specificity.value) is not None
    ]
    if len(both) < LEAST:
        return None
    table = np.array(both, np.float64)
    effect, variance = _logits(table[:, :2], table[:, 2:])
    between = between_sources(effect, variance)
    if between is None:
        return None
    return float(between[0, 1] / np.sqrt(between[0, 0] * between[1, 1]))


def _logits(events: FloatArray, cases: FloatArray) -> tuple[FloatArray, FloatArray]:
    right, wrong = events + 0.5, cases - events + 0.5
    return np.log(right / wrong), 1 / right + 1 / wrong
