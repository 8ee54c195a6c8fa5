"""The results of one table of predictions: the content of ``results.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from medcnn.errors import DataError
from medcnn.evaluation import cautions, measures
from medcnn.evaluation.ablation import Ablation
from medcnn.evaluation.cases import Cases, cases_of
from medcnn.evaluation.conformal import ConformalResults
from medcnn.evaluation.elsewhere import External
from medcnn.evaluation.explained import Explanations
from medcnn.evaluation.new_site import NewSite, SourcesResults
from medcnn.evaluation.out_of_distribution import ForeignResults
from medcnn.evaluation.parts import (
    ChosenPoint,
    Decisions,
    Headline,
    LikelihoodRatios,
    NetBenefit,
    OperatingPoint,
    PredictiveValues,
    Target,
    UnitResults,
)
from medcnn.evaluation.patients import unit_results
from medcnn.evaluation.prior_shift import PriorShiftResults
from medcnn.evaluation.readers import ReaderResults
from medcnn.evaluation.subgroups import Subgroup, subgroup_results
from medcnn.evaluation.uncertainty import Uncertainty, uncertainty_of
from medcnn.evaluation.verdict import Background, Tested, Verdict, verdict_of
from medcnn.files.plain import read_object
from medcnn.files.records import ABSENT, OBJECT, Told
from medcnn.metrics.decision import Confusion, number_needed_to_read
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.rules import TARGETS
from medcnn.metrics.thresholds import Threshold


@dataclass(frozen=True, kw_only=True)
class DiagnosisRow:
    """A finding of the doctor of learning curves, as texts."""

    finding: str
    meaning: str
    evidence: str
    try_next: str = field(default="", metadata={"key": "try"})


@dataclass(frozen=True, kw_only=True)
class Results(Told, Decisions, Headline, Tested):
    """The object of ``results.json``; the headline counts patients.

    Attributes:
        average_precision: Area under precision over recall.
        partial_auroc: McClish's, by its largest 1 - specificity.
        sensitivity_at_specificity: By specificity.
        specificity_at_sensitivity: By sensitivity.
        confusion: The 2×2 table.
        subgroups: The measures group by group.
        uncertainty: What the measures of doubt are worth.
        likelihood_ratios: How much a decision changes the odds.
        number_needed_to_read: Cases called abnormal for each that is.
        predictive_values: At other prevalences.
        decision_curve: Net benefit by threshold.
        operating_points: Sensitivity and specificity by threshold.
        chosen_point: What became of the chosen threshold.
        by_case: The headline counting images; None where no patient has two.
        studies: The headline by study, by way of aggregation.
        patients: The headline by patient.
        warnings: What a reader has to know.
        conformal: Conformal sets, where they were asked for.
        prior_shift: The correction to another prevalence, where it was asked for.
        out_of_distribution: Cases flagged as foreign, where the table has flags.
        ablation: What members, views and passes bought.
        diagnosis: What the learning curves say.
        external: Where the images of an external validation come from, and what home had shown.
        new_site: What to expect at a new site, where folds are by source.
        sources: What that was pooled from.
        readers: Human readers on the same cases.
        explanations: The measures of ``explanations.json``.
        verdict: What it all comes to.
    """

    average_precision: Estimate
    partial_auroc: dict[str, Estimate] = field(default_factory=dict)
    sensitivity_at_specificity: dict[str, Estimate]
    specificity_at_sensitivity: dict[str, Estimate]
    confusion: Confusion
    subgroups: tuple[Subgroup, ...] = ()
    uncertainty: Uncertainty
    likelihood_ratios: LikelihoodRatios
    number_needed_to_read: Estimate
    predictive_values: tuple[PredictiveValues, ...] = ()
    decision_curve: tuple[NetBenefit, ...] = ()
    operating_points: tuple[OperatingPoint, ...] = ()
    chosen_point: ChosenPoint
    by_case: Headline | None = field(default=None, metadata=OBJECT)
    studies: dict[str, UnitResults] = field(default_factory=dict, metadata=ABSENT)
    patients: dict[str, UnitResults] = field(default_factory=dict, metadata=ABSENT)
    warnings: tuple[str, ...] = ()
    conformal: ConformalResults | None = field(default=None, metadata=ABSENT)
    prior_shift: PriorShiftResults | None = field(default=None, metadata=ABSENT)
    out_of_distribution: ForeignResults | None = field(default=None, metadata=OBJECT)
    ablation: tuple[Ablation, ...] | None = field(default=None, metadata=ABSENT | {"key": "knobs"})
    diagnosis: tuple[DiagnosisRow, ...] | None = field(default=None, metadata=ABSENT)
    external: External | None = field(default=None, metadata=ABSENT)
    new_site: NewSite | None = field(default=None, metadata=ABSENT)
    sources: SourcesResults | None = field(default=None, metadata=ABSENT)
    readers: tuple[ReaderResults, ...] | None = field(default=None, metadata=ABSENT)
    explanations: Explanations | None = field(default=None, metadata=ABSENT)
    verdict: Verdict | None = field(default=None, metadata=ABSENT)

    def judged(self, background: Background | None = None) -> Results:
        """Return the results with the verdict on them."""
        return replace(self, verdict=verdict_of(self, background or Background()))

    def warned(self, *, first: Sequence[str] = (), last: Sequence[str] = ()) -> Results:
        """Return the results with more warnings, each of them once."""
        return replace(self, warnings=tuple(dict.fromkeys((*first, *self.warnings, *last))))


def read_results(path: Path) -> Results:
    """Return the results in a ``results.json``.

    Raises:
        DataError: If it is not there, is missing something, or holds something else.
    """
    remedy = "go on with the run by medcnn train resume=RUN_DIR, or evaluate again"
    return Results.from_json(read_object(path, what="results", remedy=remedy), str(path))


def evaluate(
    table: pd.DataFrame,
    threshold: Threshold,
    *,
    split: str = "test",
    level: float = 0.95,
    subgroups: Sequence[str] = (),
    temperature: float | None = None,
    seed: int = 0,
    clusters: bool = True,
) -> Results:
    """Return the results of the rows of ``split``.

    Args:
        table: As ``medcnn.predictions.read_predictions`` returns it.
        threshold: The frozen operating point; it is never chosen again here.
        split: Which rows to evaluate.
        level: Nominal coverage of every interval.
        subgroups: Columns to evaluate group by group.
        temperature: The temperature that the probabilities went through, repeated in the results.
        seed: Seed of the bootstrap.
        clusters: Whether images of one patient are resampled together.

    Raises:
        DataError: If no row belongs to the split.
        ConfigError: If a subgroup column does not exist.
    """
    rows = rows_of(table, split)
    # Integers group many times quicker than text, and every part below groups by patient.
    rows = rows.assign(patient_id=pd.factorize(rows["patient_id"])[0])
    cases = cases_of(rows, clusters=clusters)
    at = threshold.value
    boot = measures.resampled(cases, at, level, seed)
    groups = subgroup_results(rows, subgroups, at, level=level, clusters=clusters)
    uncertainty, lacking = uncertainty_of(rows, at, level)
    headline = measures.headline(cases, at, level)
    results = Results(
        split=split,
        level=level,
        n=len(rows),
        n_patients=cases.patients,
        prevalence=float(cases.label.mean()),
        threshold=threshold,
        **vars(headline),
        **vars(measures.of_decisions(cases, at, level)),
        average_precision=measures.average_precision(cases, level),
        partial_auroc=measures.partial_auroc(cases, level),
        sensitivity_at_specificity=boot.sensitivity_at_specificity,
        specificity_at_sensitivity=boot.specificity_at_sensitivity,
        calibration=measures.calibration_of(cases, level, boot.errors, temperature),
        confusion=measures.confusion_of(cases, at),
        subgroups=groups,
        uncertainty=uncertainty,
        likelihood_ratios=measures.likelihood_ratios(cases, at, level),
        number_needed_to_read=number_needed_to_read(headline.ppv),
        predictive_values=tuple(
            measures.predictive_values(cases, at, prevalence, level)
            for prevalence in measures.PREVALENCES
        ),
        decision_curve=measures.decision_curve(cases, level),
        operating_points=measures.operating_points(cases, at, level),
        chosen_point=ChosenPoint(reached_target(cases, threshold, level), boot.youden_lost),
        by_case=measures.headline_by_case(cases, at, level),
        studies=unit_results(rows, "study_id", at, level),
        patients=unit_results(rows, "patient_id", at, level),
    )
    said = [
        *cautions.of_cases(rows, cases, threshold, split),
        *cautions.of_scores(cases, results.auroc, split),
    ]
    return results.warned(last=[*said, *lacking, *cautions.of_gaps(groups, level)])


def rows_of(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """Return the rows of one split, or raise DataError where there are none."""
    rows = table[table["split"] == split].reset_index(drop=True)
    if rows.empty:
        raise DataError(
            f"The predictions have no case of the split {split!r}.",
            expected=f"rows with split {split!r}",
            found=", ".join(sorted(map(str, set(table["split"])))),
            remedy="name another split",
        )
    return rows


def reached_target(cases: Cases, threshold: Threshold, level: float) -> Target | None:
    """Return whether a rule such as ``sensitivity>=0.95`` kept its promise on these cases.

    None where the rule promised nothing. A broken promise is no reason to move the threshold.
    """
    name, _, bound = threshold.rule.partition(">=")
    if name not in TARGETS:
        return None
    reached: Estimate = getattr(measures.headline(cases, threshold.value, level), name)
    if reached.value is None:
        return None
    return Target(name, float(bound), reached, reached.value >= float(bound))
