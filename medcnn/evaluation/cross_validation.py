"""What only folds can tell: each at its threshold, their spread, and all of them pooled."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from medcnn.evaluation.cases import cases_of
from medcnn.metrics.auroc import auroc
from medcnn.metrics.estimate import Estimate


@dataclass(frozen=True, kw_only=True)
class FoldResults:
    """The held-out cases of one fold, at the threshold of its run."""

    fold: int
    n: int
    n_patients: int
    threshold: float
    auroc: Estimate
    sensitivity: Estimate
    specificity: Estimate


def at_fold_threshold(rows: pd.DataFrame, level: float) -> dict[str, Estimate]:
    """Return sensitivity, specificity and AUROC of cases, each judged as the model of its fold does.

    Args:
        rows: With ``p_fold``, the probability by that model, and ``fold_threshold``.
        level: Nominal coverage.
    """
    cases = cases_of(rows.assign(p_abnormal=rows["p_fold"]))
    abnormal = cases.label == 1
    right = (rows["p_fold"] >= rows["fold_threshold"]).to_numpy() == abnormal
    return {
        "sensitivity": cases.share(right, level, abnormal),
        "specificity": cases.share(right, level, ~abnormal),
        "auroc": auroc(cases.label, cases.p, cluster=cases.cluster, level=level),
    }


@dataclass(frozen=True)
class Spread:
    """A measure over the folds; no standard error, since their training sets overlap."""

    mean: float | None
    sd: float | None
    lowest: float | None
    highest: float | None


@dataclass(frozen=True, kw_only=True)
class CrossValidation:
    """The ``cross_validation`` entry of ``results.json``.

    Attributes:
        folds: Their number.
        held_out_as: What the held-out cases were to their run: ``test`` or ``val``.
        pooled: Sensitivity and specificity, each case at the threshold of its fold.
        mean: The spread of each measure over the folds.
        spread_of_thresholds: Distance of the lowest from the highest, in logits; beyond about 1 the
            folds are on scales of their own.
        by_fold: Each fold.
    """

    folds: int
    held_out_as: str
    pooled: dict[str, Estimate]
    mean: dict[str, Spread]
    spread_of_thresholds: float
    by_fold: tuple[FoldResults, ...]
