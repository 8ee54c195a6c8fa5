"""Referral of a Predictions table: what goes to a radiologist, and how good the rest is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from medcnn.calibration.conformal import doubt_of
from medcnn.calibration.referral import MEASURES, Referral, fit_referral, parse_refer
from medcnn.errors import ConfigError, unknown_name
from medcnn.evaluation.cases import cases_of
from medcnn.evaluation.measures import confusion_of, headline
from medcnn.evaluation.parts import Automatic, Target
from medcnn.metrics.estimate import Estimate, FloatArray
from medcnn.metrics.proportions import log_odds
from medcnn.metrics.uncertainty import Aurc, aurc, binary_entropy, risks_at
from medcnn.notices import Notice

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
            remedy="refer by entropy, or predict validation and test with the same views and passes",
        )
    return pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)


def fit_on_validation(
    val: pd.DataFrame, refer: str | float, by: str, threshold: float, doubts: FloatArray
) -> Referral:
    """Return the referral that the rule takes on the validation predictions."""
    label = val["label"].to_numpy(np.int64)
    called = (val["p_abnormal"].to_numpy(np.float64) >= threshold).astype(np.int64)
    return fit_referral(parse_refer(refer), by, doubts, label, called)


@dataclass(frozen=True)
class OnValidation:
    """What a referral did to the cases that it was fitted on."""

    n: int
    referred: int
    reached: float | None


@dataclass(frozen=True)
class CoverageRisk:
    """The error rate of the least doubtful share of the cases."""

    coverage: float
    risk: Estimate


@dataclass(frozen=True, kw_only=True)
class ReferralResults:
    """What a referral does to these cases.

    Attributes:
        rule: The share or the target that was asked for.
        by: The measure of doubt.
        cutoff: The doubt from which on a case is referred; None where every case is.
        fitted_on: The split that it was fitted on.
        val: What it did there.
        n: The cases.
        referred: How many of them go to a radiologist.
        share: Their share.
        referred_abnormal: How many of them are abnormal.
        errors: Wrong decisions without a referral.
        errors_caught: The share of these among the referred.
        automatic: The headline of the others.
        target: Whether a target was kept; None where a share was asked for.
        risk_coverage: The risk-coverage curve.
        aurc: Its area, with those of a random and of a perfect order.
    """

    rule: str
    by: str
    cutoff: float | None
    fitted_on: str
    val: OnValidation
    n: int
    referred: int
    share: Estimate
    referred_abnormal: int
    errors: int
    errors_caught: Estimate
    automatic: Automatic
    target: Target | None
    risk_coverage: tuple[CoverageRisk, ...]
    aurc: Aurc


def referral_results(
    rows: pd.DataFrame,
    referral: Referral,
    doubts: FloatArray,
    threshold: float,
    *,
    level: float = 0.95,
) -> tuple[ReferralResults, list[Notice]]:
    """Return the ``uncertainty.referral`` entry of ``results.json``, and warnings."""
    cases = cases_of(rows)
    wrong = (cases.p >= threshold) != (cases.label == 1)
    referred = referral.refers(doubts)
    known = np.where(np.isfinite(doubts), doubts, np.inf)
    automatic = _automatic(rows[~referred], threshold, level)
    error = wrong.astype(np.float64)
    shown = np.unique(np.linspace(1, len(rows), POINTS).round().astype(np.int64)).tolist()
    risks = risks_at(error, known, shown, cases.cluster, level)
    found = ReferralResults(
        rule=referral.rule,
        by=referral.by,
        cutoff=referral.cutoff,
        fitted_on="val",
        val=OnValidation(referral.n, referral.referred, referral.reached),
        n=len(rows),
        referred=int(referred.sum()),
        share=cases.share(referred, level),
        referred_abnormal=int(cases.label[referred].sum()),
        errors=int(wrong.sum()),
        errors_caught=cases.share(referred, level, wrong),
        automatic=automatic,
        target=_target(referral.rule, automatic),
        risk_coverage=tuple(
            CoverageRisk(kept / len(rows), risk) for kept, risk in zip(shown, risks, strict=True)
        ),
        aurc=aurc(error, known, cases.cluster, level),
    )
    return found, _warnings(referral, found.target)


def _automatic(kept: pd.DataFrame, threshold: float, level: float) -> Automatic:
    if kept.empty:
        return Automatic(n=0)
    cases = cases_of(kept)
    return Automatic(
        n=len(kept),
        **vars(headline(cases, threshold, level)),
        confusion=confusion_of(cases, threshold),
    )


def _target(rule: str, automatic: Automatic) -> Target | None:
    parsed = parse_refer(rule)
    if parsed.kind == "share":
        return None
    reached: Estimate | None = getattr(automatic, parsed.kind, None)
    value = reached.value if reached else None
    met = None if value is None else bool(value >= parsed.value)
    return Target(parsed.kind, parsed.value, reached, met)


def _warnings(referral: Referral, target: Target | None) -> list[Notice]:
    warnings = [Notice("referral_note", what=referral.note)] if referral.note else []
    if target is not None and target.met is False and target.reached is not None:
        reached = target.reached.value
        warnings.append(Notice("referral_missed", rule=referral.rule, reached=reached))
    return warnings
