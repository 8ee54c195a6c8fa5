"""The results of one table of predictions: the content of ``results.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from medcnn.errors import DataError
from medcnn.evaluation import measures
from medcnn.evaluation.cases import Cases, cases_of
from medcnn.evaluation.patients import unit_results
from medcnn.evaluation.subgroups import gap_warnings, subgroup_results
from medcnn.evaluation.uncertainty import uncertainty_of
from medcnn.metrics.estimate import Estimate
from medcnn.metrics.rules import TARGETS
from medcnn.metrics.thresholds import Threshold

FEW = 10  # cases of a class below which a warning is given


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
) -> dict[str, Any]:
    """Return the results of the rows of ``split`` as plain values for strict JSON.

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
    calibrated = measures.calibration_of(cases, level, boot.pop("calibration"))
    lost = boot.pop("youden_lost")
    groups = subgroup_results(rows, subgroups, at, level=level, clusters=clusters, seed=seed)
    uncertainty, warnings = uncertainty_of(rows, at, level)
    results: dict[str, Any] = {
        "split": split,
        "level": level,
        "n": len(rows),
        "n_patients": cases.patients,
        "prevalence": float(cases.label.mean()),
        "threshold": threshold.to_json(),
        **measures.headline(cases, at, level),
        **measures.of_decisions(cases, at, level),
        **measures.areas(cases, level),
        **boot,
        "calibration": {**calibrated, "temperature": temperature},
        "confusion": asdict(measures.confusion_of(cases, at)),
        "subgroups": groups,
        "uncertainty": uncertainty,
        **measures.decision_of(cases, at, level),
        "operating_points": measures.operating_points(cases, at, level),
        "chosen_point": {"target": reached_target(cases, threshold, level), "youden_lost": lost},
        "by_case": measures.headline_by_case(cases, at, level),
        **unit_results(rows, at, level),
    }
    results["warnings"] = [
        *class_warnings(cases, split),
        *repeat_warnings(rows, split),
        *threshold_warnings(threshold, split),
        *warnings,
        *gap_warnings(groups, level),
    ]
    plain: dict[str, Any] = jsonable(results)
    return plain


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


def reached_target(cases: Cases, threshold: Threshold, level: float) -> dict[str, Any] | None:
    """Return whether a rule such as ``sensitivity>=0.95`` kept its promise on these cases.

    None where the rule promised nothing. A broken promise is no reason to move the threshold.
    """
    name, _, bound = threshold.rule.partition(">=")
    if name not in TARGETS:
        return None
    reached = measures.headline(cases, threshold.value, level)[name]
    if reached.value is None:
        return None
    wanted = float(bound)
    return {
        "metric": name,
        "wanted": wanted,
        "reached": reached,
        "met": reached.value >= wanted,
    }


def class_warnings(cases: Cases, split: str) -> list[str]:
    """Return what is to be said about absent and rare classes."""
    found = []
    for count, name in ((cases.positives, "abnormal"), (cases.negatives, "normal")):
        if count == 0:
            found.append(f"No {name} case on {split}: every number that needs one is null.")
        elif count < FEW:
            found.append(
                f"Only {count} {name} cases on {split}: read the intervals, not the values."
            )
    return found


def repeat_warnings(rows: pd.DataFrame, split: str) -> list[str]:
    """Return a warning where an image stands in several rows, and so counts several times."""
    repeated = int(rows["image_id"].duplicated().sum())
    if not repeated:
        return []
    return [f"{repeated} rows of {split} repeat an image_id: these images count several times."]


def threshold_warnings(threshold: Threshold, split: str) -> list[str]:
    """Return what is to be said where the threshold was not fixed before these cases were seen."""
    if threshold.chosen_on != split:
        return []
    return [
        f"THE THRESHOLD WAS CHOSEN ON {split.upper()}, the very cases it is judged on: "
        "sensitivity, specificity and all that depends on the threshold are too good to be true. "
        "Only cases that had no part in the choice can judge it."
    ]


def jsonable(found: Any) -> Any:
    """Return a structure of estimates and plain values as values for strict JSON."""
    if isinstance(found, Estimate):
        return found.to_json()
    if isinstance(found, dict):
        return {key: jsonable(value) for key, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [jsonable(value) for value in found]
    return found
