"""Referral of a Predictions table: what goes to a radiologist, and how good the rest is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from medcnn.calibration.conformal import doubt_of
from medcnn.calibration.referral import MEASURES, Referral, fit_referral, parse_refer
from medcnn.errors import ConfigError, unknown_name
from medcnn.evaluation.cases import cases_of
from medcnn.evaluation.measures import confusion_of, headline
from medcnn.evaluation.results import jsonable
from medcnn.metrics.estimate import FloatArray, IntArray
from medcnn.metrics.log_odds import log_odds
from medcnn.metrics.proportions import share, subset
from medcnn.metrics.uncertainty import aurc, binary_entropy, risks_at

COLUMN = "referred"
COLUMNS = {"mutual_information": "mutual_information", "distance": "ood_score"}
NEEDS = {
    "mutual_information": "several runs, tta= or mc_samples=: one pass of one model has none",
    "distance": "a run trained with out_of_distribution=",
}
POINTS = 101


def doubt(
    table: pd.DataFrame, by: str, threshold: float, p_values: FloatArray | None = None
) -> FloatArray:
    """Return each case's doubt, higher where the model knows less.

    Args:
        table: Predictions.
        by: ``entropy`` of the probability, ``mutual_information`` of several predictions,
            ``margin`` (nearness to the threshold in log odds), ``conformal`` (p-value of the less
            plausible label) or ``distance`` from the training cases.
        threshold: The frozen threshold, for ``margin``.
        p_values: Conformal p-values, N×2, for ``conformal``.

    Raises:
        ConfigError: If there is no such measure, or the table lacks its column.
    """
    if by not in MEASURES:
        raise unknown_name("measure of doubt", by, MEASURES)
    if by == "conformal" and p_values is not None:
        return doubt_of(p_values)
    p = table["p_abnormal"].to_numpy(np.float64)
    if by == "entropy":
        return np.asarray(binary_entropy(p))
    if by == "margin":
        return -np.abs(log_odds(p) - log_odds(np.array([threshold])))
    column = COLUMNS.get(by, "conformal p-values")
    if column not in table:
        raise ConfigError(
            f"refer_by={by} needs predictions with {column}.",
            expected=NEEDS.get(by, "validation predictions"),
            found=", ".join(map(str, table.columns)),
            remedy="refer by entropy, or predict validation and test with the same knobs",
        )
    return pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)


def fit_on_validation(
    val: pd.DataFrame, refer: str | float, by: str, threshold: float, doubts: FloatArray
) -> Referral:
    """Return the referral that the rule takes on the validation predictions."""
    label = val["label"].to_numpy(np.int64)
    called = (val["p_abnormal"].to_numpy(np.float64) >= threshold).astype(np.int64)
    return fit_referral(parse_refer(refer), by, doubts, label, called)


def referral_results(
    rows: pd.DataFrame,
    referral: Referral,
    doubts: FloatArray,
    threshold: float,
    *,
    level: float = 0.95,
) -> tuple[dict[str, Any], list[str]]:
    """Return the ``uncertainty.referral`` entry of ``results.json``, and warnings.

    How many of the rows are referred; sensitivity, specificity and the other headline measures of
    those decided automatically; whether a target kept its promise; the risk-coverage curve and its
    area (AURC) with the areas of a random and of a perfect order.
    """
    cases = cases_of(rows)
    wrong = (cases.p >= threshold) != (cases.label == 1)
    referred = referral.refers(doubts)
    known = np.where(np.isfinite(doubts), doubts, np.inf)
    automatic: dict[str, Any] = {"n": int((~referred).sum())}
    if automatic["n"]:
        kept = cases_of(rows[~referred])
        automatic |= jsonable(headline(kept, threshold, level))
        automatic["confusion"] = asdict(confusion_of(kept, threshold))
    error = wrong.astype(np.float64)
    found: dict[str, Any] = {
        "rule": referral.rule,
        "by": referral.by,
        "cutoff": referral.cutoff,
        "fitted_on": "val",
        "val": {"n": referral.n, "referred": referral.referred, "reached": referral.reached},
        "n": len(rows),
        "referred": int(referred.sum()),
        "share": share(referred, cases.cluster, level).to_json(),
        "referred_abnormal": int(cases.label[referred].sum()),
        "errors": int(wrong.sum()),
        "errors_caught": share(referred[wrong], subset(cases.cluster, wrong), level).to_json(),
        "automatic": automatic,
        "target": _target(referral.rule, automatic),
        "risk_coverage": _curve(error, known, cases.cluster, level),
        "aurc": jsonable(vars(aurc(error, known, cases.cluster, level))),
    }
    return found, _warnings(referral, found)


def _target(rule: str, automatic: dict[str, Any]) -> dict[str, Any] | None:
    parsed = parse_refer(rule)
    if parsed.kind == "share":
        return None
    reached = automatic.get(parsed.kind)
    value = reached["value"] if reached else None
    return {
        "metric": parsed.kind,
        "wanted": parsed.value,
        "reached": reached,
        "met": None if value is None else bool(value >= parsed.value),
    }


def _curve(
    error: FloatArray, known: FloatArray, cluster: IntArray | None, level: float
) -> list[dict[str, Any]]:
    n = len(error)
    shown = np.unique(np.linspace(1, n, POINTS).round().astype(np.int64)).tolist()
    risks = risks_at(error, known, shown, cluster, level)
    return [
        {"coverage": kept / n, "risk": risk.to_json()}
        for kept, risk in zip(shown, risks, strict=True)
    ]


def _warnings(referral: Referral, found: dict[str, Any]) -> list[str]:
    warnings = [f"Referral: {referral.note}."] if referral.note else []
    target = found["target"]
    if target and target["met"] is False:
        warnings.append(
            f"Referral: {referral.rule} held on validation, but the cases decided automatically "
            f"here reach {target['reached']['value']:.3f}."
        )
    return warnings
