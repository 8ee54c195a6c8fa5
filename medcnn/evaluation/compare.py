"""Two tables of predictions, or one and human readers, on the same cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from medcnn.errors import DataError
from medcnn.evaluation.cases import Cases, cases_of
from medcnn.evaluation.measures import (
    BRIER_PARTS,
    SENSITIVITIES,
    SPECIFICITIES,
    headline,
)
from medcnn.evaluation.readers import reader_results, shares
from medcnn.evaluation.results import jsonable, rows_of
from medcnn.metrics.agreement import kappa
from medcnn.metrics.auroc import paired_delong
from medcnn.metrics.cells import CellMetrics, reduce_to_cells
from medcnn.metrics.comparison import holm, non_inferior, paired_cell_bootstrap
from medcnn.metrics.thresholds import Threshold

AT_THRESHOLD = ("balanced_accuracy", "f1", "mcc")


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
) -> dict[str, Any]:
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
    found_shares = shares(a, called[0], called[1], level)
    scores = not (_only_decisions(a) or _only_decisions(b))
    found: dict[str, Any] = {
        "split": split,
        "level": level,
        "n": len(a.label),
        "n_patients": a.patients,
        "names": list(names),
        "thresholds": [threshold_a.to_json(), threshold_b.to_json()],
        "a": headline(a, threshold_a.value, level),
        "b": headline(b, threshold_b.value, level),
        "mcnemar": {name: share["mcnemar"] for name, share in found_shares.items()},
        "differences": {name: share["difference"] for name, share in found_shares.items()},
        "agreement": kappa(called[0], called[1], level, a.cluster),
    }
    p_values = {name: share["mcnemar"]["p_value"] for name, share in found_shares.items()}
    delong = paired_delong(a.label, a.p, b.p, level, a.cluster) if scores else None
    if delong is not None:
        found["differences"]["auroc"] = delong.difference
        found["delong"] = {"z": delong.z, "p_value": delong.p_value}
        p_values["auroc"] = delong.p_value
    found["p_values"] = p_values
    found["holm"] = holm(p_values)
    found["bootstrap"] = _bootstrapped(a, b, threshold_a, threshold_b, level, seed)
    if not scores:
        # A curve through the single point of yes-or-no decisions says nothing about a reader.
        found["bootstrap"] = {name: found["bootstrap"][name] for name in AT_THRESHOLD}
        for side in ("a", "b"):
            found[side].pop("auroc")
    if margin is not None:
        found["non_inferiority"] = {
            "margin": margin,
            **{
                name: non_inferior(found["differences"][name], margin)
                for name in ("sensitivity", "specificity", "auroc")
                if name in found["differences"]
            },
        }
    found["clustered"] = a.cluster is not None
    found["warnings"] = _warnings(found, (threshold_a, threshold_b), split, scores)
    found["readers"] = []
    if readers is not None:
        found["readers"], notes = reader_results(rows_a, readers, threshold_a.value, level)
        found["warnings"] += notes
    plain: dict[str, Any] = jsonable(found)
    return plain


def correct_together(comparisons: Sequence[dict[str, Any]]) -> None:
    """Replace the p-values after Holm's correction by those over all comparisons at once."""
    asked = {
        f"{row} {name}": p
        for row, found in enumerate(comparisons)
        for name, p in found["p_values"].items()
    }
    corrected = holm(asked)
    for row, found in enumerate(comparisons):
        found["holm"] = {name: corrected[f"{row} {name}"] for name in found["p_values"]}
        found["compared_with"] = len(comparisons)


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
    a: Cases, b: Cases, threshold_a: Threshold, threshold_b: Threshold, level: float, seed: int
) -> dict[str, Any]:
    """Return the paired bootstrap of the metrics that have no paired test of their own."""
    metrics = [
        CellMetrics(
            reduce_to_cells(cases.label, cases.p, threshold.value, cases.cluster),
            SPECIFICITIES,
            SENSITIVITIES,
        )
        for cases, threshold in ((a, threshold_a), (b, threshold_b))
    ]
    found = paired_cell_bootstrap(metrics[0], metrics[1], level=level, seed=seed)
    return {name: estimate for name, estimate in found.items() if name not in BRIER_PARTS}


def _only_decisions(cases: Cases) -> bool:
    """Say whether these are 0/1 decisions, such as a reader's, rather than probabilities."""
    return bool(np.isin(cases.p, (0.0, 1.0)).all())


def _warnings(
    found: dict[str, Any],
    thresholds: tuple[Threshold, Threshold],
    split: str,
    scores: bool,
) -> list[str]:
    warnings = []
    if any(threshold.chosen_on == split for threshold in thresholds):
        warnings.append(f"A threshold was chosen on {split}, the cases compared: see its results.")
    if not scores:
        warnings.append(
            "One side holds decisions, not probabilities: the AUROC and what is read off the curve "
            "are not compared."
        )
    elif "delong" not in found:
        warnings.append("A class has fewer than 2 cases: the AUROCs cannot be compared.")
    return warnings
