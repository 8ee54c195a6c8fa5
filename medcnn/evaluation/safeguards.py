"""Conformal sets, prior shift and referral together: what they add to a table and to its results.

Everything is fitted on validation predictions made in the same way as those of the rows. The order
matters: conformal sets compare the probabilities as they were calibrated; then the prevalence is
corrected; then doubt about the corrected decision is referred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from medcnn.calibration.detector import FLAG
from medcnn.calibration.referral import Referral
from medcnn.calibration.settings import Safeguards
from medcnn.errors import DataError
from medcnn.evaluation.cases import cases_of
from medcnn.evaluation.conformal import conformal_p_values, conformal_results, with_sets
from medcnn.evaluation.measures import predictive_values
from medcnn.evaluation.prior_shift import BEFORE, Corrected, correct_prior
from medcnn.evaluation.referral import COLUMN, doubt, fit_on_validation, referral_results
from medcnn.evaluation.results import Results
from medcnn.metrics.estimate import FloatArray
from medcnn.metrics.thresholds import Threshold
from medcnn.notices import Notice


@dataclass(frozen=True)
class Safeguarded:
    """A table with what the safeguards added, and what its results need of them.

    Attributes:
        table: The rows with ``conformal_set``, ``referred`` and corrected ``p_abnormal``.
        warnings: What a reader has to know, whether labels exist or not.
        doubt: Doubt of each row; None where nothing is referred.
        referral: The fitted referral.
        corrected: The correction of the prevalence.
    """

    table: pd.DataFrame
    warnings: tuple[Notice, ...] = ()
    doubt: FloatArray | None = None
    referral: Referral | None = None
    corrected: Corrected | None = None
    val: pd.DataFrame = field(default_factory=pd.DataFrame)
    asked: Safeguards = field(default_factory=Safeguards)


def safeguard(
    val: pd.DataFrame | None,
    rows: pd.DataFrame,
    threshold: Threshold,
    asked: Safeguards,
    *,
    calibrator: str = "temperature",
    seed: int = 0,
) -> Safeguarded:
    """Return the rows with what the safeguards add; no label of theirs is read.

    Args:
        val: Labelled validation predictions, made like those of the rows.
        rows: Predictions, with or without labels.
        threshold: The frozen threshold.
        asked: What is asked for.
        calibrator: The calibrator that ``cross`` conformal sets refit.
        seed: Seed of bootstraps and folds.

    Raises:
        DataError: If anything is asked for and there are no validation predictions.
    """
    stale = asked.prior_shift is None and BEFORE in rows
    warnings = [Notice("stale", before=BEFORE)] if stale else []
    if not asked.any:
        return Safeguarded(rows, tuple(warnings))
    if val is None or val.empty:
        raise DataError(
            "alpha, refer and prior_shift are fitted on validation, and there is none.",
            expected="rows with split=val beside those to evaluate, or a run with predictions/val.csv",
            remedy="add the validation predictions, or leave these options out",
        )
    table = rows
    own, new = conformal_p_values(val, rows, asked.conformal, calibrator=calibrator, seed=seed)
    if asked.alpha is not None:
        table = with_sets(table, new, asked.alpha)
    corrected = None
    if asked.prior_shift is not None:
        corrected = correct_prior(val, table, asked.prior_shift, seed=seed)
        table = corrected.table
        warnings += corrected.warnings
    if asked.refer is None:
        return Safeguarded(table, tuple(warnings), None, None, corrected, val, asked)
    doubts = [
        doubt(each, asked.refer_by, threshold.value, p_values)
        for each, p_values in ((val, own), (table, new))
    ]
    referral = fit_on_validation(val, asked.refer, asked.refer_by, threshold.value, doubts[0])
    table = table.assign(**{COLUMN: referral.refers(doubts[1]).astype(np.int64)})
    return Safeguarded(table, tuple(warnings), doubts[1], referral, corrected, val, asked)


def with_safeguards(
    results: Results,
    safeguarded: Safeguarded,
    *,
    subgroups: Sequence[str] = (),
) -> Results:
    """Return results with ``conformal``, ``prior_shift`` and ``uncertainty.referral``, and warnings.

    Args:
        results: What ``evaluate`` returned for ``safeguarded.table``.
        safeguarded: What ``safeguard`` returned.
        subgroups: Columns to give the coverage by.
    """
    rows, warnings = safeguarded.table, list(safeguarded.warnings)
    at, level, asked = results.threshold.value, results.level, safeguarded.asked
    conformal, shifted, uncertainty = None, None, results.uncertainty
    if asked.alpha is not None:
        conformal, more = conformal_results(
            rows, safeguarded.val, asked.alpha, asked.conformal, subgroups=subgroups, level=level
        )
        warnings += more
    if safeguarded.corrected is not None:
        shifted = safeguarded.corrected.record
        there = predictive_values(cases_of(rows), at, shifted.target_prevalence, level)
        shifted = replace(shifted, predictive_values=there)
    if safeguarded.referral is not None and safeguarded.doubt is not None:
        referral, more = referral_results(
            rows, safeguarded.referral, safeguarded.doubt, at, level=level
        )
        uncertainty = replace(uncertainty, referral=referral)
        warnings += more
    found = replace(results, conformal=conformal, prior_shift=shifted, uncertainty=uncertainty)
    return found.warned(last=warnings)


def safeguard_files(
    val: pd.DataFrame | None, table: pd.DataFrame, asked: Safeguards, *, seed: int = 0
) -> tuple[pd.DataFrame, list[str]]:
    """Return a prediction of files with what the safeguards add, and warnings.

    Files that could not be read keep empty cells; the decision follows the corrected probability;
    with ``refer`` an image flagged as foreign is referred whatever its doubt.

    Args:
        val: Validation predictions, made like those of the files.
        table: One row a file with ``p_abnormal``, ``threshold`` and ``decision``.
        asked: What is asked for.
        seed: Seed of bootstraps and folds.
    """
    read = table["p_abnormal"].notna()
    if not asked.any or not read.any():
        return table, []
    rows = table[read].assign(p_abnormal=table.loc[read, "p_abnormal"].astype(np.float64))
    at = float(rows["threshold"].iloc[0])
    safeguarded = safeguard(val, rows, Threshold(at, "frozen", "val"), asked, seed=seed)
    done = safeguarded.table
    if safeguarded.referral is not None and FLAG in done:
        # No doubt that validation taught speaks of an image unlike any in it.
        done[COLUMN] = np.maximum(done[COLUMN], done[FLAG].astype(np.int64))
    done["decision"] = np.where(done["p_abnormal"] >= at, "abnormal", "normal")
    # Aligned on the row: an unreadable file has no probability and no set, and says why itself.
    merged = table.join(done[[name for name in done if name not in table]])
    for name in table.columns:
        merged.loc[read, name] = done[name]
    notes = (
        [safeguarded.referral.note] if safeguarded.referral and safeguarded.referral.note else []
    )
    return merged, [*safeguarded.warnings, *notes]
