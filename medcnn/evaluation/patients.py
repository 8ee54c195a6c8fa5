"""From images to studies or patients: one probability for all images of a unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from medcnn.errors import DataError, unknown_name
from medcnn.evaluation.cases import cases_of
from medcnn.evaluation.measures import headline
from medcnn.evaluation.parts import Unit, UnitResults
from medcnn.notices import Notice

WAYS = ("mean", "max", "noisy_or")
UNITS = {"image": "image_id", "study": "study_id", "patient": "patient_id"}


def aggregate(
    table: pd.DataFrame,
    way: str = "mean",
    unit: str = "patient_id",
    keep: Sequence[str] = (),
) -> pd.DataFrame:
    """Return one row a unit and split: ``image_id, patient_id, label, split, p_abnormal, images``.

    A unit is abnormal when any of its images is. ``mean`` averages the probabilities, ``max`` takes
    the most suspicious image, ``noisy_or`` is ``1 - prod(1 - p)``: abnormal unless every image is
    independently normal. Units get their own identifier as ``image_id``.

    Args:
        table: Predictions.
        way: ``mean``, ``max`` or ``noisy_or``.
        unit: The column that names the unit of each image.
        keep: Columns to keep where the table has them; they read ``mixed`` where the images of a
            unit differ.

    Raises:
        ConfigError: If there is no such way.
        DataError: If the table lacks the unit's column, or it is empty somewhere.
    """
    if way not in WAYS:
        raise unknown_name("way to aggregate", way, WAYS)
    _check_unit(table, unit)
    p = table["p_abnormal"].to_numpy(np.float64)
    # A probability of 1 has an infinite log odds against, which is right: the unit is abnormal.
    with np.errstate(divide="ignore"):
        working = table.assign(_unit=table[unit], _normal=np.log1p(-p))
    groups = working.groupby(["split", "_unit"], sort=False)
    units = groups.agg(
        patient_id=("patient_id", "first"), label=("label", "max"), images=("label", "size")
    )
    if way == "noisy_or":
        units["p_abnormal"] = -np.expm1(groups["_normal"].sum())
    else:
        units["p_abnormal"] = groups["p_abnormal"].agg(way)
    for name in (column for column in keep if column in table):
        one = groups[name].nunique(dropna=False) == 1
        units[name] = groups[name].first().astype(object).where(one, "mixed")
    return units.reset_index().rename(columns={"_unit": "image_id"})


def at_level(
    table: pd.DataFrame, level: str, way: str, keep: Sequence[str] = ()
) -> tuple[pd.DataFrame, tuple[Notice, ...]]:
    """Return predictions with one row an ``image``, ``study`` or ``patient``, and warnings.

    Raises:
        ConfigError: If there is no such level or way.
        DataError: If the table does not name the studies.
    """
    if level not in UNITS:
        raise unknown_name("level", level, UNITS)
    if level == "image":
        return table, ()
    units = aggregate(table, way, UNITS[level], keep)
    return units, (Notice("level", unit=level, way=way),)


def unit_of(table: pd.DataFrame, level: str, way: str) -> Unit:
    """Return the ``unit`` entry of ``results.json``: what a case is, and how many images they hold."""
    images = int(table["images"].sum()) if level != "image" and "images" in table else len(table)
    return Unit(level, way if level != "image" else None, images)


def _check_unit(table: pd.DataFrame, unit: str) -> None:
    if unit not in table:
        raise DataError(
            f"The predictions lack the column {unit!r}.",
            found=", ".join(map(str, table.columns)),
            remedy=f"add it, say which it is (columns.{unit}=NAME), or take another level",
        )
    missing = int(table[unit].isna().sum())
    if missing:
        raise DataError(
            f"{missing} images name no {unit}.",
            expected="a value in every row",
            remedy="fill the column, or evaluate by image",
        )


def unit_results(
    table: pd.DataFrame, column: str, threshold: float, level: float = 0.95
) -> dict[str, UnitResults]:
    """Return the headline by study or by patient for each way; empty where images are the units.

    The threshold is the image's: a maximum or a noisy-or lies higher than its images, so
    sensitivity rises and specificity falls against the image level.
    """
    named = table.get(column)
    if named is None or named.isna().any() or named.nunique() == len(table):
        return {}
    found = {}
    for way in WAYS:
        units = aggregate(table, way, column)
        cases = cases_of(units)
        found[way] = UnitResults(
            n=len(units),
            prevalence=float(cases.label.mean()),
            **vars(headline(cases, threshold, level)),
        )
    return found
