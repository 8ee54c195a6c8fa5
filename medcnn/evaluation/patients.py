"""From images to studies or patients: one probability for all images of a unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from medcnn.errors import DataError, unknown_name
from medcnn.evaluation.cases import cases_of
from medcnn.evaluation.measures import headline

WAYS = ("mean", "max", "noisy_or")


def aggregate(table: pd.DataFrame, way: str = "mean", unit: str = "patient_id") -> pd.DataFrame:
    """Return one row a unit: ``patient_id, label, split, p_abnormal, images``.

    A unit is abnormal when any of its images is. ``mean`` averages the probabilities, ``max`` takes
    the most suspicious image, ``noisy_or`` is ``1 - prod(1 - p)``: abnormal unless every image is
    independently normal.

    Raises:
        ConfigError: If there is no such way.
        DataError: If the table lacks the unit's column.
    """
    if way not in WAYS:
        raise unknown_name("way to aggregate", way, WAYS)
    if unit not in table:
        raise DataError(
            f"The predictions lack the column {unit!r}.",
            found=", ".join(map(str, table.columns)),
            remedy="add the column, or aggregate by patient_id",
        )
    p = table["p_abnormal"].to_numpy(np.float64)
    # A probability of 1 has an infinite log odds against, which is right: the unit is abnormal.
    with np.errstate(divide="ignore"):
        working = table.assign(_normal=np.log1p(-p))
    groups = working.groupby(unit, sort=False)
    units = groups.agg(
        patient_id=("patient_id", "first"),
        label=("label", "max"),
        split=("split", "first"),
        images=("label", "size"),
    )
    if way == "noisy_or":
        units["p_abnormal"] = -np.expm1(groups["_normal"].sum())
    else:
        units["p_abnormal"] = groups["p_abnormal"].agg(way)
    units.index.name = "image_id"
    # Patients get their own identifier as that of the row.
    return units.reset_index()


def unit_results(
    table: pd.DataFrame, threshold: float, level: float = 0.95
) -> dict[str, dict[str, Any]]:
    """Return the headline by study and by patient for each way; empty where images are the units.

    The threshold is the image's: a maximum or a noisy-or lies higher than its images, so
    sensitivity rises and specificity falls against the image level.
    """
    found: dict[str, dict[str, Any]] = {}
    for unit, name in (("study_id", "studies"), ("patient_id", "patients")):
        if unit not in table or table[unit].nunique() == len(table):
            continue
        found[name] = {}
        for way in WAYS:
            units = aggregate(table, way, unit)
            cases = cases_of(units, clusters=False)
            found[name][way] = {
                "n": len(units),
                "prevalence": float(cases.label.mean()),
                **headline(cases, threshold, level),
            }
    return found
