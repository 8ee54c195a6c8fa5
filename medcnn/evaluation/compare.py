"""Two tables of predictions, or one and human readers, on the same cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from medcnn.errors import DataError
from medcnn.evaluation.cases import Cases, cases_of
from medcnn.evaluation.measures import SENSITIVITIES, SPECIFICITIES, headline
from medcnn.evaluation.results import jsonable, rows_of
from medcnn.metrics.agreement import kappa
from medcnn.metrics.auroc import paired_delong
from medcnn.metrics.cells import CellMetrics, reduce_to_cells
from medcnn.metrics.comparison import (
    holm,
    mcnemar,
    non_inferior,
    paired_cell_bootstrap,
    paired_difference,
)
from medcnn.metrics.estimate import IntArray
from medcnn.metrics.proportions import proportion
from medcnn.metrics.thresholds import Threshold

SHARES = ("sensitivity", "specificity", "accuracy")


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
    readers: Mapping[str, str] | None = None,
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
        readers: Column of ``table_a`` with a reader's 0/1 decisions, by the reader's name.
        seed: Seed of the bootstrap.
        clusters: Whether images of one patient are resampled together.

    Raises:
        DataError: If the cases or their labels differ.
    """
    rows_a, rows_b = matched(rows_of(table_a, split), rows_of(table_b, split))
    a, b = (cases_of(rows, clusters=clusters) for rows in (rows_a, rows_b))
    called = [
        (cases.p >= threshold.value).astype(np.int64)
        for cases, threshold in ((a, threshold_a), (b, threshold_b))
    ]
    shares = _shares(a.label, called[0], called[1], level)
    found: dict[str, Any] = {
        "split": split,
        "level": level,
        "n": len(a.label),
        "n_patients": a.patients,
        "names": list(names),
        "thresholds": [threshold_a.to_json(), threshold_b.to_json()],
        "a": headline(a, threshold_a.value, level),
        "b": headline(b, threshold_b.value, level),
        "mcnemar": {name: share["mcnemar"] for name, share in shares.items()},
        "differences": {name: share["difference"] for name, share in shares.items()},
        "agreement": kappa(called[0], called[1], level),
    }
    p_values = {name: share["mcnemar"]["mid_p"] for name, share in shares.items()}
    delong = paired_delong(a.label, a.p, b.p, level)
    if delong is not None:
        found["differences"]["auroc"] = delong.difference
        found["delong"] = {"z": delong.z, "p_value": delong.p_value}
        p_values["auroc"] = delong.p_value
    found["holm"] = holm(p_values)
    found["bootstrap"] = _bootstrapped(a, b, threshold_a, threshold_b, level, seed)
    if margin is not None:
        found["non_inferiority"] = {
            "margin": margin,
            **{
                name: non_inferior(found["differences"][name], margin)
                for name in ("sensitivity", "specificity", "auroc")
                if name in found["differences"]
            },
        }
    found["readers"] = [
        _reader(name, _decisions(rows_a, column), a, called[0], level)
        for name, column in (readers or {}).items()
    ]
    found["warnings"] = _warnings(a, found, (threshold_a, threshold_b), split)
    plain: dict[str, Any] = jsonable(found)
    return plain


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


def _shares(
    label: IntArray, first: IntArray, second: IntArray, level: float
) -> dict[str, dict[str, Any]]:
    masks = (label == 1, label == 0, np.ones(len(label), dtype=bool))
    found = {}
    for name, mask in zip(SHARES, masks, strict=True):
        right = [(called == label)[mask].astype(np.int64) for called in (first, second)]
        found[name] = {
            "mcnemar": asdict(mcnemar(right[0], right[1])),
            "difference": paired_difference(right[0], right[1], level),
        }
    return found


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
    return dict(paired_cell_bootstrap(metrics[0], metrics[1], level=level, seed=seed))


def _decisions(table: pd.DataFrame, column: str) -> IntArray:
    if column not in table:
        raise DataError(
            f"The first predictions have no column {column!r} with a reader's decisions.",
            found=", ".join(map(str, table.columns)),
            remedy="name a column of 0 and 1",
        )
    values = pd.to_numeric(table[column], errors="coerce")
    if not values.isin([0, 1]).all():
        raise DataError(
            f"The reader's column {column!r} holds values that are not 0 or 1.",
            expected="0 (normal) or 1 (abnormal) for every case",
            remedy="map the decisions to 0 and 1",
        )
    return values.to_numpy(np.int64)


def _reader(
    name: str, decided: IntArray, cases: Cases, called: IntArray, level: float
) -> dict[str, Any]:
    """Return a reader's operating point, and the model against the reader."""
    abnormal = cases.label == 1
    tp = int(decided[abnormal].sum())
    fp = int(decided[~abnormal].sum())
    shares = _shares(cases.label, called, decided, level)
    return {
        "name": name,
        "sensitivity": proportion(tp, cases.positives, level=level),
        "specificity": proportion(cases.negatives - fp, cases.negatives, level=level),
        "kappa": kappa(called, decided, level),
        "model_minus_reader": {metric: share["difference"] for metric, share in shares.items()},
        "mcnemar": {metric: share["mcnemar"] for metric, share in shares.items()},
    }


def _warnings(
    cases: Cases, found: dict[str, Any], thresholds: tuple[Threshold, Threshold], split: str
) -> list[str]:
    warnings = []
    if any(threshold.chosen_on == split for threshold in thresholds):
        warnings.append(f"A threshold was chosen on {split}, the cases compared: see its results.")
    if cases.cluster is not None:
        warnings.append(
            "DeLong's and McNemar's tests count images, and some patients have several: where they "
            "and the patient-clustered bootstrap differ, trust the bootstrap."
        )
    if "delong" not in found:
        warnings.append("A class has fewer than 2 cases: the AUROCs cannot be compared.")
    return warnings
