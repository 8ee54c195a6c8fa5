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
from medcnn.metrics.thresholds import Threshold, choose_threshold

FEW = 10  # cases of a class below which a warning is given
WIDER = 1.1  # a patient-clustered interval this much wider than the plain one is worth a warning


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
    calibrated = measures.calibration_of(cases, level, boot.pop("ece"))
    groups = subgroup_results(rows, subgroups, at, level=level, clusters=clusters)
    uncertainty, warnings = uncertainty_of(rows, at, level)
    results: dict[str, Any] = {
        "split": split,
        "level": level,
        "n": len(rows),
        "n_patients": cases.patients,
        "prevalence": float(cases.label.mean()),
        "threshold": threshold.to_json(),
        **measures.headline(cases, at, level),
        **boot,
        "calibration": {**calibrated, "temperature": temperature},
        "confusion": asdict(measures.confusion_of(cases, at)),
        "subgroups": groups,
        "uncertainty": uncertainty,
        **measures.decision_of(cases, at, level),
        "operating_points": measures.operating_points(cases, at, level),
        "chosen_point": chosen_point(cases, threshold, level),
        "clustered": measures.clustered_headline(cases, at, level),
        **unit_results(rows, at, level),
    }
    results["warnings"] = [
        *class_warnings(cases, split),
        *threshold_warnings(threshold, split),
        *cluster_warnings(results),
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


def chosen_point(cases: Cases, threshold: Threshold, level: float) -> dict[str, Any]:
    """Return what the frozen threshold reached here, and what it cost.

    ``target`` tells whether a rule such as ``sensitivity>=0.95`` kept its promise on these cases;
    ``youden_lost`` is how far sensitivity + specificity - 1 stays below the best that hindsight on
    these very cases would have found. Neither is a reason to move the threshold.
    """
    found: dict[str, Any] = {"target": None, "youden_lost": None}
    at = measures.headline(cases, threshold.value, level)
    name, _, bound = threshold.rule.partition(">=")
    reached = at[name] if name in TARGETS else None
    if reached is not None and reached.value is not None:
        found["target"] = {
            "metric": name,
            "wanted": float(bound),
            "reached": reached,
            "met": reached.value >= float(bound),
        }
    if cases.positives and cases.negatives:
        best = choose_threshold(cases.label, cases.p, "youden", "hindsight")
        hindsight = measures.headline(cases, best.value, level)
        found["youden_lost"] = _youden(hindsight) - _youden(at)
    return found


def _youden(at: dict[str, Estimate]) -> float:
    return (at["sensitivity"].value or 0.0) + (at["specificity"].value or 0.0) - 1.0


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


def threshold_warnings(threshold: Threshold, split: str) -> list[str]:
    """Return what is to be said where the threshold was not fixed before these cases were seen."""
    if threshold.chosen_on != split:
        return []
    return [
        f"THE THRESHOLD WAS CHOSEN ON {split.upper()}, the very cases it is judged on: "
        "sensitivity, specificity and all that depends on the threshold are too good to be true. "
        "Choose it on validation."
    ]


def cluster_warnings(results: dict[str, Any]) -> list[str]:
    """Return a warning where headline intervals forget how alike a patient's images are."""
    wider = []
    for name, clustered in results["clustered"].items():
        plain = results[name]
        if plain.width and clustered.ci and clustered.width > WIDER * plain.width:
            low, high = clustered.ci
            wider.append(f"{name} {low:.3f} to {high:.3f}")
    if not wider:
        return []
    return [
        "Images of a patient are alike. Counting patients rather than images, the intervals are: "
        + ", ".join(wider)
        + "."
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
