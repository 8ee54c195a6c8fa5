"""Two tables of predictions, or one and human readers, on the same cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from medcnn.errors import DataError
from medcnn.evaluation.cases import Cases, cases_of
from medcnn.evaluation.measures import (
    ERRORS,
    SENSITIVITIES,
    SPECIFICITIES,
    headline,
    point_of_curve,
)
from medcnn.evaluation.readers import ReaderResults, paired_shares, reader_results
from medcnn.evaluation.results import rows_of
from medcnn.files.records import ABSENT, BESIDE
from medcnn.metrics.agreement import kappa
from medcnn.metrics.auroc import paired_delong
from medcnn.metrics.bins import calibration_errors
from medcnn.metrics.cells import CellMetrics, reduce_to_cells
from medcnn.metrics.comparison import (
    McNemar,
    holm,
    holm_together,
    non_inferior,
    paired_cell_bootstrap,
)
from medcnn.metrics.estimate import Estimate, without_interval
from medcnn.metrics.thresholds import Threshold
from medcnn.notices import Notice

AT_THRESHOLD = ("balanced_accuracy", "f1", "mcc")


@dataclass(frozen=True)
class DeLong:
    """The paired test of two AUROCs."""

    z: float
    p_value: float


@dataclass(frozen=True)
class NonInferiority:
    """Whether the first is not worse than the second by a margin.

    Attributes:
        margin: The margin.
        tested: The answer by measure; None where it cannot be told.
    """

    margin: float
    tested: dict[str, bool | None] = field(metadata=BESIDE)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The object of ``comparison.json``; every difference is the first, ``a``, minus the second.

    Attributes:
        split: The split of the cases.
        level: Nominal coverage of every interval.
        n: The cases.
        n_patients: Their patients.
        names: What the two are called.
        thresholds: Their frozen operating points.
        a: The headline of the first; without an AUROC where a side holds decisions.
        b: That of the second.
        mcnemar: McNemar's test by measure.
        differences: The paired differences by measure.
        agreement: Cohen's kappa of their decisions.
        delong: The test of the AUROCs, where there are two.
        p_values: The p-values by measure.
        holm: The same after Holm's correction over all comparisons made together.
        bootstrap: Paired differences of what has no paired test of its own.
        non_inferiority: Where a margin was given.
        clustered: Whether the images of a patient were kept together.
        warnings: What a reader has to know.
        readers: Human readers held against the first.
        unit: What a case is.
        compared_with: How many comparisons ``holm`` spans, where there are several.
    """

    split: str
    level: float
    n: int
    n_patients: int
    names: tuple[str, ...]
    thresholds: tuple[Threshold, ...]
    a: dict[str, Estimate]
    b: dict[str, Estimate]
    mcnemar: dict[str, McNemar]
    differences: dict[str, Estimate]
    agreement: Estimate
    delong: DeLong | None = field(default=None, metadata=ABSENT)
    p_values: dict[str, float]
    holm: dict[str, float | None]
    bootstrap: dict[str, Estimate]
    non_inferiority: NonInferiority | None = field(default=None, metadata=ABSENT)
    clustered: bool
    warnings: tuple[str, ...]
    readers: tuple[ReaderResults, ...] = ()
    unit: str = "image"
    compared_with: int | None = field(default=None, metadata=ABSENT)


def compare(
    table_a: pd.DataFrame,
    table_b: pd.DataFrame,
    threshold_a: Threshold,
    threshold_b: Threshold,
    *,
    names: tuple[str, str] = ("a", "b"),
    split: str = "test",
    level: float = 0.95,
    margin: float | None = None,
    readers: pd.DataFrame | None = None,
    seed: int = 0,
    clusters: bool = True,
) -> Comparison:
    """Return how two sets of predictions differ, case by case; every difference is a minus b.

    Args:
        table_a: Predictions; rows are matched with those of ``table_b`` by ``image_id``.
        table_b: Predictions of the same cases.
        threshold_a: The frozen operating point of the first.
        threshold_b: That of the second.
        names: What to call them.
        split: Which rows to compare.
        level: Nominal coverage.
        margin: With it, whether a is non-inferior to b by this margin in sensitivity, specificity
            and AUROC.
        readers: Human readers' decisions on the same cases, as ``read_readers`` returns them;
            they are held against the first predictions.
        seed: Seed of the bootstrap.
        clusters: Whether images of one patient are kept together in every test and interval.

    Raises:
        DataError: If the cases or their labels differ.
    """
    rows_a, rows_b = matched(rows_of(table_a, split), rows_of(table_b, split))
    a, b = (cases_of(rows, clusters=clusters) for rows in (rows_a, rows_b))
    called = [
        (cases.p >= threshold.value).astype(np.int64)
        for cases, threshold in ((a, threshold_a), (b, threshold_b))
    ]
    tests, differences = paired_shares(a, called[0], called[1], level)
    p_values = {name: test.p_value for name, test in tests.items()}
    scores = not (a.decided or b.decided)
    delong = paired_delong(a.label, a.p, b.p, level, a.cluster) if scores else None
    if delong is not None:
        differences["auroc"], p_values["auroc"] = delong.difference, delong.p_value
    thresholds = (threshold_a, threshold_b)
    warnings = _warnings(thresholds, split, scores, ranked=delong is not None)
    by_reader: tuple[ReaderResults, ...] = ()
    if readers is not None:
        by_reader, notes = reader_results(rows_a, readers, threshold_a.value, level)
        warnings += notes
    return Comparison(
        split=split,
        level=level,
        n=len(a.label),
        n_patients=a.patients,
        names=names,
        thresholds=thresholds,
        a=_headline(a, threshold_a, level, scores),
        b=_headline(b, threshold_b, level, scores),
        mcnemar=tests,
        differences=differences,
        agreement=kappa(called[0], called[1], level, a.cluster),
        delong=None if delong is None else DeLong(delong.z, delong.p_value),
        p_values=p_values,
        holm=holm(p_values),
        bootstrap=_bootstrapped(a, b, threshold_a, threshold_b, level, seed, scores),
        non_inferiority=None if margin is None else _non_inferiority(differences, margin),
        clustered=a.cluster is not None,
        warnings=tuple(warnings),
        readers=by_reader,
    )


def _headline(
    cases: Cases, threshold: Threshold, level: float, scores: bool
) -> dict[str, Estimate]:
    found = dict(vars(headline(cases, threshold.value, level)))
    if not scores:
        # A curve through the single point of yes-or-no decisions says nothing about a reader.
        found.pop("auroc")
    return found


def _non_inferiority(differences: dict[str, Estimate], margin: float) -> NonInferiority:
    tested: dict[str, bool | None] = {
        name: non_inferior(differences[name], margin)
        for name in ("sensitivity", "specificity", "auroc")
        if name in differences
    }
    return NonInferiority(margin, tested)


def correct_together(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return comparisons with their p-values after Holm's correction over all of them at once."""
    corrected = holm_together([found.p_values for found in comparisons])
    return [
        replace(found, holm=own, compared_with=len(comparisons))
        for found, own in zip(comparisons, corrected, strict=True)
    ]


def matched(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both tables in the order of the first.

    Raises:
        DataError: If an ``image_id`` stands twice or in one table only, or the labels differ.
    """
    for name, table in (("first", first), ("second", second)):
        if table["image_id"].duplicated().any():
            raise DataError(
                f"The {name} predictions name a case twice.",
                expected="a unique image_id in every row",
                found=repr(table["image_id"][table["image_id"].duplicated()].iloc[0]),
                remedy="average or drop the repeated rows",
            )
    only_first = set(first["image_id"]) - set(second["image_id"])
    only_second = set(second["image_id"]) - set(first["image_id"])
    if only_first or only_second:
        example = sorted(only_first or only_second)[0]
        raise DataError(
            "The two predictions are of different cases.",
            expected="the same image_id values in both",
            found=f"{len(only_first)} only in the first, {len(only_second)} only in the second, "
            f"for example {example!r}",
            remedy="predict the same split with both",
        )
    ordered = second.set_index("image_id").loc[first["image_id"]].reset_index()
    differ = first["label"].to_numpy() != ordered["label"].to_numpy()
    if differ.any():
        raise DataError(
            f"The two predictions disagree on the label of {int(differ.sum())} cases.",
            found=repr(first["image_id"][differ].iloc[0]),
            remedy="use one reference standard for both",
        )
    return first, ordered


def _bootstrapped(
    a: Cases,
    b: Cases,
    threshold_a: Threshold,
    threshold_b: Threshold,
    level: float,
    seed: int,
    scores: bool,
) -> dict[str, Estimate]:
    """Return the differences in metrics that have no paired test of their own, by paired bootstrap.

    Where a side holds decisions, only of those that need no curve. Calibration errors have no
    interval, and neither has their difference.
    """
    metrics = [
        CellMetrics(
            reduce_to_cells(cases.label, cases.p, threshold.value, cases.cluster),
            SPECIFICITIES,
            SENSITIVITIES,
        )
        for cases, threshold in ((a, threshold_a), (b, threshold_b))
    ]
    found = paired_cell_bootstrap(metrics[0], metrics[1], level=level, seed=seed)
    if not scores:
        return {name: found[name] for name in AT_THRESHOLD}
    of_a, of_b = (calibration_errors(cases.label, cases.p) for cases in (a, b))
    return {
        name: point_of_curve(each, name, a) if " " in name else each for name, each in found.items()
    } | {name: _less(of_a[name], of_b[name]) for name in ERRORS}


def _less(first: Estimate, second: Estimate) -> Estimate:
    if first.value is None or second.value is None:
        return first
    return without_interval(first.value - second.value, "distance")


def _warnings(
    thresholds: Sequence[Threshold], split: str, scores: bool, ranked: bool
) -> list[Notice]:
    warnings = []
    if any(threshold.chosen_on == split for threshold in thresholds):
        warnings.append(Notice("compared_split", split=split))
    if not scores:
        warnings.append(Notice("decisions"))
    elif not ranked:
        warnings.append(Notice("no_delong"))
    return warnings
