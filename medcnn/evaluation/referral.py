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
from medcnn.metrics.estimate import Estimate, FloatArray, IntArray
from medcnn.metrics.log_odds import log_odds
from medcnn.metrics.proportions import proportion
from medcnn.metrics.uncertainty import aurc, binary_entropy, risk_coverage

COLUMN = "referred"
COLUMNS = {"mutual_information": "mutual_information", "distance": "ood_score"}
NEEDS = {
    "mutual_information": "several runs, tta= or mc_samples=: one pass of one model has none",
    "distance": "a run trained with out_of_distribution=",
}
POINTS = 101
RESAMPLES = 500


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
    seed: int = 0,
) -> tuple[dict[str, Any], list[str]]:
    """Return the ``uncertainty.referral`` entry of ``results.json``, and warnings.

    How many of the rows are referred; sensitivity, specificity and the other headline measures of
    those decided automatically; whether a target kept its promise; the risk-coverage curve and its
    area (AURC) with the areas of a random and of a perfect order.
    """
    cases = cases_of(rows)
    label = rows["label"].to_numpy(np.int64)
    wrong = ((rows["p_abnormal"].to_numpy() >= threshold) != (label == 1)).astype(np.float64)
    referred = referral.refers(doubts)
    known = np.where(np.isfinite(doubts), doubts, np.inf)
    automatic: dict[str, Any] = {"n": int((~referred).sum())}
    if automatic["n"]:
        kept = cases_of(rows[~referred])
        measured = headline(kept, threshold, level)
        automatic |= {name: estimate.to_json() for name, estimate in measured.items()}
        automatic["confusion"] = asdict(confusion_of(kept, threshold))
    errors = int(wrong.sum())
    caught = proportion(int(wrong[referred].sum()), errors, level=level)
    found: dict[str, Any] = {
        "rule": referral.rule,
        "by": referral.by,
        "cutoff": referral.cutoff,
        "fitted_on": "val",
        "val": {"n": referral.n, "referred": referral.referred, "reached": referral.reached},
        "n": len(rows),
        "referred": int(referred.sum()),
        "share": proportion(int(referred.sum()), len(rows), level=level).to_json(),
        "referred_abnormal": int(label[referred].sum()),
        "errors": errors,
        "errors_caught": caught.to_json(),
        "automatic": automatic,
        "target": _target(referral.rule, automatic),
        "risk_coverage": _curve(wrong, known),
        "aurc": _area(wrong, known, cases.cluster, level, seed),
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


def _curve(wrong: FloatArray, known: FloatArray) -> list[dict[str, float]]:
    coverage, risk = risk_coverage(wrong, known)
    shown = np.unique(np.linspace(0, len(wrong) - 1, POINTS).round().astype(int))
    return [{"coverage": float(coverage[k]), "risk": float(risk[k])} for k in shown]


def _area(
    wrong: FloatArray, known: FloatArray, cluster: IntArray | None, level: float, seed: int
) -> dict[str, Any]:
    area = aurc(wrong, known)
    low, high = aurc_interval(wrong, known, cluster, level=level, seed=seed)
    estimate = Estimate(area.value, (low, high), "bootstrap-percentile")
    return estimate.to_json() | {"random": area.random, "oracle": area.oracle, "gain": area.gain}


def aurc_interval(
    wrong: FloatArray,
    doubts: FloatArray,
    cluster: IntArray | None = None,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the bootstrap percentile interval of the AURC; patients are resampled whole.

    The order of the cases is the same in every resample, so each costs two cumulative sums.
    """
    order = np.argsort(doubts, kind="stable")
    _, tie, size = np.unique(doubts[order], return_inverse=True, return_counts=True)
    error = (np.bincount(tie, wrong[order]) / size)[tie]
    unit = (np.arange(len(wrong)) if cluster is None else cluster)[order]
    units = int(unit.max()) + 1
    rng = np.random.default_rng(seed)
    areas = np.empty(resamples)
    for row in range(resamples):
        weight = np.bincount(rng.integers(units, size=units), minlength=units)[unit]
        kept = np.cumsum(weight)
        risk = np.cumsum(weight * error) / np.maximum(kept, 1)
        areas[row] = (weight @ risk) / max(int(kept[-1]), 1)
    tail = (1 - level) / 2
    low, high = np.quantile(areas, [tail, 1 - tail])
    return float(low), float(high)


def _warnings(referral: Referral, found: dict[str, Any]) -> list[str]:
    warnings = [f"Referral: {referral.note}."] if referral.note else []
    target = found["target"]
    if target and target["met"] is False:
        warnings.append(
            f"Referral: {referral.rule} held on validation, but the cases decided automatically "
            f"here reach {target['reached']['value']:.3f}."
        )
    return warnings
