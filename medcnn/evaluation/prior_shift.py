"""The prevalence of unlabelled cases and probabilities corrected to it, in a Predictions table.

The correction reads scores and patients of the cases, never their labels: the frozen threshold then
decides on probabilities that mean what they say at the prevalence where they are used.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from medcnn.calibration.fit import fit_calibrator
from medcnn.calibration.prior_shift import Trust, estimate_prevalence, shift_prior, trust
from medcnn.calibration.settings import PriorShift
from medcnn.errors import DataError
from medcnn.evaluation.parts import PredictiveValues
from medcnn.files.records import ABSENT
from medcnn.metrics.estimate import Estimate, FloatArray, IntArray
from medcnn.metrics.proportions import log_odds
from medcnn.metrics.uncertainty import binary_entropy
from medcnn.notices import Notice

BEFORE = "p_before_shift"
BIAS = 0.03


@dataclass(frozen=True)
class TrustResults:
    """What the test of the estimate's assumption said; see ``medcnn.calibration.prior_shift.Trust``."""

    trusted: bool
    distance: float
    p_value: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PriorShiftResults:
    """How the probabilities were corrected to another prevalence.

    Attributes:
        rule: What was asked for.
        source_prevalence: That of validation.
        estimate: That estimated from the scores; None where one was given.
        trust: Whether the estimate should be believed.
        applied: Whether the probabilities were corrected.
        target_prevalence: The prevalence that they were, or would have been, corrected to.
        predictive_values: PPV and NPV there.
    """

    rule: str
    source_prevalence: float
    estimate: Estimate | None = field(default=None, metadata=ABSENT)
    trust: TrustResults | None = field(default=None, metadata=ABSENT)
    applied: bool
    target_prevalence: float
    predictive_values: PredictiveValues | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True)
class Corrected:
    """A table whose probabilities are at another prevalence, and how that came about.

    Attributes:
        table: With ``p_abnormal`` corrected and ``p_before_shift`` as it was.
        record: The ``prior_shift`` entry of ``results.json``.
        warnings: What a reader has to know.
    """

    table: pd.DataFrame
    record: PriorShiftResults
    warnings: tuple[Notice, ...]


def before_shift(table: pd.DataFrame) -> FloatArray:
    """Return the probabilities as they were before any correction."""
    column = BEFORE if BEFORE in table else "p_abnormal"
    return table[column].to_numpy(np.float64)


def correct_prior(
    val: pd.DataFrame, rows: pd.DataFrame, wanted: PriorShift, *, level: float = 0.95, seed: int = 0
) -> Corrected:
    """Return the rows with their probabilities at the wanted prevalence.

    Args:
        val: The validation predictions that the probabilities were calibrated on.
        rows: The cases to correct; a label column is not looked at.
        wanted: ``em``: their prevalence is estimated and used if the scores tell one at all,
            ``em_if_trusted``: only where the test of its assumption does not speak against it
            either, or a prevalence.
        level: Nominal coverage of the interval.
        seed: Seed of the bootstraps.

    Raises:
        DataError: If validation lacks a class.
    """
    source = float(val["label"].mean())
    if not 0 < source < 1:
        raise DataError(
            "The prevalence of validation is needed to correct for another.",
            expected="normal and abnormal validation cases",
            found=f"prevalence {source:g} of {len(val)} cases",
            remedy="leave prior_shift out",
        )
    p = before_shift(rows)
    estimate, trusted = None, None
    average = float(before_shift(val).mean())
    biased = abs(average - source) > BIAS
    warnings = [Notice("prior_bias", average=average, source=source)] if biased else []
    if isinstance(wanted, float):
        target, applied = wanted, True
    else:
        estimate, test = estimated_prevalence(val, rows, level=level, seed=seed)
        # Kept off 0 and 1, where every probability would be 0 or 1.
        edge = 1 / (len(p) + 2)
        target = float(np.clip(estimate.value or 0.0, edge, 1 - edge))
        applied = test.trusted or (test.determined and wanted == "em")
        trusted = TrustResults(test.trusted, test.distance, test.p_value, test.reasons)
        warnings += _warnings(estimate, test, applied, len(p))
    found = PriorShiftResults(
        rule=str(wanted),
        source_prevalence=source,
        estimate=estimate,
        trust=trusted,
        applied=applied,
        target_prevalence=target,
    )
    if not applied:
        return Corrected(rows, found, tuple(warnings))
    moved = shift_prior(p, source, target)
    table = rows.assign(**{"p_abnormal": moved, BEFORE: p})
    if "mutual_information" not in rows:
        # An ensemble's decomposition belongs to its members; a single model's entropy to p_abnormal.
        table["entropy"] = binary_entropy(moved)
    key = "prior_stated" if isinstance(wanted, float) else "prior_estimated"
    warnings.insert(0, Notice(key, source=source, target=target, wanted=str(wanted)))
    return Corrected(table, found, tuple(warnings))


def estimated_prevalence(
    val: pd.DataFrame, rows: pd.DataFrame, *, level: float = 0.95, seed: int = 0
) -> tuple[Estimate, Trust]:
    """Return the prevalence that the scores of unlabelled cases tell, and whether to believe it.

    Args:
        val: The validation predictions that the probabilities were calibrated on.
        rows: The cases; a label column is not looked at.
        level: Nominal coverage of the interval.
        seed: Seed of the bootstraps.
    """
    p, source = before_shift(rows), float(val["label"].mean())
    patient = _patients(rows)
    codes, found = pd.factorize(patient)
    cluster = codes.astype(np.int64) if len(found) < len(rows) else None
    label = val["label"].to_numpy(np.int64)
    p_val, p = _unbiased(before_shift(val), label, p)
    estimate = estimate_prevalence(p, source, cluster_N=cluster, level=level, seed=seed)
    # The test takes its cases as independent: one image a patient.
    first = ~_patients(val).duplicated().to_numpy()
    one = ~patient.duplicated().to_numpy()
    return estimate, trust(p_val[first], label[first], p[one], seed=seed)


def _unbiased(p_val: FloatArray, label: IntArray, p: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return both probabilities on validation's scale by slope and intercept.

    A temperature leaves probabilities that are too high or too low on the whole, which the estimate
    would take for prevalence (Alexandari, Kundaje and Shrikumar, ICML 2020: bias-corrected
    calibration first).
    """
    fitted = fit_calibrator("platt", log_odds(p_val), label)
    return fitted.probability(log_odds(p_val)), fitted.probability(log_odds(p))


def _patients(table: pd.DataFrame) -> pd.Series:
    """Return the patient of each row; a row without one is a patient of its own."""
    rows = pd.Series([f"row {row}" for row in range(len(table))])
    if "patient_id" not in table:
        return rows
    patient = table["patient_id"].reset_index(drop=True)
    return patient.where(patient.notna() & (patient.astype(str) != ""), rows).astype(str)


def _warnings(estimate: Estimate, test: Trust, applied: bool, n: int) -> list[Notice]:
    if test.trusted:
        return []
    low, high = estimate.ci or (0.0, 1.0)
    key = "prior_doubted_used" if applied else "prior_doubted_left"
    return [Notice(key, cases=n, value=estimate.value, low=low, high=high, reasons=test.reasons)]
