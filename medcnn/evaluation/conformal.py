"""Conformal sets of a Predictions table, and how often they hold the true label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from medcnn.calibration.conformal import (
    SETS,
    covers,
    cross_p_values,
    fit_conformal,
    own_p_values,
    prediction_sets,
)
from medcnn.calibration.fit import fit_calibrator
from medcnn.evaluation.cases import Cases, cases_of
from medcnn.evaluation.prior_shift import before_shift
from medcnn.evaluation.subgroups import members
from medcnn.metrics.calibration import mean_estimate
from medcnn.metrics.estimate import BoolArray, Estimate, FloatArray, IntArray
from medcnn.metrics.proportions import log_odds
from medcnn.notices import Notice

COLUMN = "conformal_set"
FOLDS = 5


def conformal_p_values(
    val: pd.DataFrame, rows: pd.DataFrame, method: str, *, calibrator: str, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Return the p-values of normal and abnormal of the validation cases and of the rows.

    Those of a validation case leave that case out. ``cross`` fits ``calibrator`` on four fifths of
    validation's patients in turn and scores the fifth; the network itself is the same in all. The
    probabilities are those before any correction of the prevalence, so that both sides compare.
    """
    label = val["label"].to_numpy(np.int64)
    p_val, p_new = before_shift(val), before_shift(rows)
    if method == "cross":
        # Logits, where both tables have them, are what the calibrator was fitted on.
        logits = (
            (val["logit"].to_numpy(np.float64), rows["logit"].to_numpy(np.float64))
            if "logit" in val and "logit" in rows
            else (log_odds(p_val), log_odds(p_new))
        )
        return _crossed(val, label, logits, calibrator, seed)
    return own_p_values(p_val, label, method), fit_conformal(p_val, label, method).p_values(p_new)


def with_sets(table: pd.DataFrame, p_values: FloatArray, alpha: float) -> pd.DataFrame:
    """Return the table with the column ``conformal_set``: normal, abnormal, both or none."""
    return table.assign(**{COLUMN: prediction_sets(p_values, alpha)})


@dataclass(frozen=True)
class GroupCoverage:
    """How often the sets of a group hold the true label."""

    column: str
    group: str
    n: int
    coverage: Estimate


@dataclass(frozen=True, kw_only=True)
class ConformalResults:
    """How often the conformal sets hold the true label, and how large they are.

    Attributes:
        alpha: The share of labels that may be missed.
        method: ``class_conditional``, ``marginal`` or ``cross``.
        calibration_cases: Validation cases of each class.
        coverage: The share of sets that hold the true label.
        by_class: The same for each class.
        sets: How many sets are ``none``, ``normal``, ``abnormal`` and ``both``.
        mean_size: Labels in a set.
        singleton_accuracy: The share of right ones among sets of one label.
        subgroups: Coverage by group; only those above are promised.
    """

    alpha: float
    method: str
    calibration_cases: dict[str, int]
    coverage: Estimate
    by_class: dict[str, Estimate]
    sets: dict[str, int]
    mean_size: Estimate
    singleton_accuracy: Estimate
    subgroups: tuple[GroupCoverage, ...]


def conformal_results(
    rows: pd.DataFrame,
    val: pd.DataFrame,
    alpha: float,
    method: str,
    *,
    subgroups: Sequence[str] = (),
    level: float = 0.95,
) -> tuple[ConformalResults, list[Notice]]:
    """Return coverage and size of the sets in ``conformal_set``, and warnings.

    Coverage is given overall, by class, and by each group of each subgroup column; only the first,
    or with ``class_conditional`` the first two, are promised.
    """
    cases, sets = cases_of(rows), rows[COLUMN].to_numpy(dtype=str)
    held = covers(sets, cases.label)
    single = np.isin(sets, ("normal", "abnormal"))
    normal, abnormal = int((val["label"] == 0).sum()), int((val["label"] == 1).sum())
    found = ConformalResults(
        alpha=alpha,
        method=method,
        calibration_cases={"normal": normal, "abnormal": abnormal},
        coverage=cases.share(held, level),
        by_class={
            name: cases.share(held, level, cases.label == of)
            for of, name in enumerate(("normal", "abnormal"))
        },
        sets={name: int(np.count_nonzero(sets == name)) for name in SETS},
        mean_size=mean_estimate(single + 2.0 * (sets == "both"), cases.cluster, level),
        singleton_accuracy=cases.share(held, level, single),
        subgroups=_by_group(rows, subgroups, held, cases, level),
    )
    return found, _warnings(found)


def _crossed(
    val: pd.DataFrame,
    label: IntArray,
    logits: tuple[FloatArray, FloatArray],
    calibrator: str,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    patient = pd.factorize(val["patient_id"])[0]
    fold = np.random.default_rng(seed).permutation(patient.max() + 1)[patient] % FOLDS
    used = [k for k in range(FOLDS) if (fold == k).any() and (fold != k).any()]
    logit, new = logits
    models = {k: fit_calibrator(calibrator, logit[fold != k], label[fold != k]) for k in used}
    folds = [(models[k].probability(logit[fold == k]), label[fold == k]) for k in used]
    of_new = cross_p_values(folds, np.array([models[k].probability(new) for k in used]))
    own = np.ones((len(val), 2))
    for k in used:
        others = [pair for j, pair in zip(used, folds, strict=True) if j != k]
        inside = np.array([models[j].probability(logit[fold == k]) for j in used if j != k])
        own[fold == k] = cross_p_values(others, inside)
    return own, of_new


def _by_group(
    rows: pd.DataFrame, columns: Sequence[str], held: BoolArray, cases: Cases, level: float
) -> tuple[GroupCoverage, ...]:
    return tuple(
        GroupCoverage(column, name, int(inside.sum()), cases.share(held, level, inside))
        for column in columns
        for name, inside in members(rows[column]).items()
    )


def _warnings(found: ConformalResults) -> list[Notice]:
    alpha, by_class = found.alpha, found.method == "class_conditional"
    promised = {"all": found.coverage} | (found.by_class if by_class else {})
    groups = {f"{group.column} {group.group}": group.coverage for group in found.subgroups}
    warnings = [
        Notice(key, share=share.value, name=name, promised=1 - alpha)
        for key, shares in (("conformal_class", promised), ("conformal_group", groups))
        for name, share in shares.items()
        if share.ci and share.ci[1] < 1 - alpha
    ]
    cases = found.calibration_cases.values()
    fewest = min(cases) if by_class else sum(cases)
    if alpha * (fewest + 1) < 1:
        needed = int(np.ceil(1 / alpha - 1))
        warnings.append(Notice("conformal_few", fewest=fewest, alpha=alpha, needed=needed))
    return warnings
