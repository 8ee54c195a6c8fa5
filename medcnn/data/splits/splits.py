"""Splits by patient: official, given, or made; reproducible and independent of the order of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from medcnn.data.manifest import SPLITS, Manifest
from medcnn.data.patients import LARGE_SHARE, LEAST, REMEDY
from medcnn.data.settings import PATIENT, Data
from medcnn.data.splits.drawing import draw, fold_of_groups, matching, newest
from medcnn.data.splits.file import apply_split
from medcnn.data.splits.source_folds import folds_of_sources, held_out
from medcnn.errors import DataError
from medcnn.notices import Notice

_REMEDY = REMEDY[0].lower() + REMEDY[1:]


def assign_splits(
    manifest: Manifest, data: Data | None = None, balance: Sequence[str] = ()
) -> Manifest:
    """Return the manifest with every row in train, val or test.

    Splits of the source are honoured; missing ones are carved out of its training part, whole groups
    (patients) at a time, stratified by label. With folds, fold k of the training part is held out as
    test, or as val where the source has a test split of its own. Folds of sources hold whole sources
    out; validation is drawn from the patients of the others, balanced over their sources.

    Args:
        manifest: The images; an empty split counts as train.
        data: What is asked for; by default a random split by patient.
        balance: Columns to balance besides the label and ``data.stratify``.

    Raises:
        DataError: If a column is missing, there are too few patients, a split file does not fit, or
            a test split is asked for in two ways, or beside the source's own.
    """
    data = data or Data()
    _check_one_way(data)
    if data.split:
        return check_classes(apply_split(manifest, Path(data.split)))
    data = replace(data, stratify=(*data.stratify, *balance))
    _check_columns(manifest.table, data)
    table = manifest.table.copy()
    table["split"] = table["split"].replace("", "train") if data.official else "train"
    present = set(table["split"])
    if "test" in present:
        _check_free(data)
    _check_enough(table[table["split"].eq("train")], len({"test", "val"} - present), data.group)
    notices: tuple[Notice, ...] = ()
    if data.folds is not None and data.one_fold is not None:
        name = "val" if "test" in present else "test"
        table.loc[table["split"].eq("val"), "split"] = "train"
        present = (present - {"val"}) | {name}
        table, notices = _without_fold(table, data, data.folds, data.one_fold, name)
    # Fractions are of the whole, so what is carved second is a larger part of what is left.
    left = 1.0
    for name, fraction in (("test", data.test_fraction), ("val", data.val_fraction)):
        if name not in present:
            _move(table, name, _chosen(table, name, fraction / left, data), data)
            left -= fraction
    return check_classes(manifest.with_table(table, *notices))


def _without_fold(
    table: pd.DataFrame, data: Data, folds: int, fold: int, name: str
) -> tuple[pd.DataFrame, tuple[Notice, ...]]:
    """Return the rows with one fold of the training part held out as ``name``."""
    train = table[table["split"].eq("train")]
    if data.fold_by == PATIENT:
        places = fold_of_groups(train, folds, data.split_seed, data.stratify, data.group)
        _move(table, name, {each for each in places if places[each] == fold}, data)
        return table, ()
    sources = folds_of_sources(train, data.fold_by, folds, data.group)
    return held_out(table, sources, fold, name, data.group), sources.notices


def _chosen(table: pd.DataFrame, name: str, fraction: float, data: Data) -> set[str]:
    train = table[table["split"].eq("train")]
    if name == "test" and data.by_date is not None:
        return newest(train, fraction, data.by_date, data.group)
    if name == "test" and data.hold_out:
        return matching(train, data.hold_out, data.group)
    # What is validated on resembles what is trained on, source by source.
    balanced = () if data.fold_by == PATIENT else (data.fold_by,)
    return draw(train, name, fraction, data.split_seed, (*data.stratify, *balanced), data.group)


def _move(table: pd.DataFrame, name: str, groups: set[str], data: Data) -> None:
    chosen = table["split"].eq("train") & table[data.group].isin(groups)
    table.loc[chosen, "split"] = name


def _check_one_way(data: Data) -> None:
    fold = None if data.one_fold is None else str(data.fold)
    ways = {"data.by_date": data.by_date, "data.hold_out": data.hold_out, "data.fold": fold}
    chosen = [name for name, value in ways.items() if value]
    if len(chosen) > 1:
        raise DataError(
            f"{' and '.join(chosen)} both say what is tested.",
            expected="one of data.by_date, data.hold_out and data.fold",
            remedy="leave one out",
        )


def _check_columns(table: pd.DataFrame, data: Data) -> None:
    dated = [data.by_date] if data.by_date else []
    for column in (data.group, *data.stratify, *dated):
        if column not in table:
            raise DataError(
                f"The manifest has no column {column!r} to split by.",
                expected=", ".join(map(str, table.columns)),
                found=column,
            )


def _check_enough(train: pd.DataFrame, drawn: int, group: str) -> None:
    """Refuse to draw splits of fewer groups than there are sides, as where one stands for all."""
    groups = train[group].nunique()
    if not drawn or groups > drawn or not len(train):
        return
    one = f"all {len(train)} images carry one identifier" if groups == 1 else f"{groups} of them"
    raise DataError(
        f"There are too few groups by {group} to draw a split from.",
        expected=f"{drawn + 1} at least: each stands on one side",
        found=f"{one}, which looks like a placeholder for everybody" if groups == 1 else one,
        remedy=f"{_REMEDY}; without a column patient_id each image counts as its own",
    )


def _check_free(data: Data) -> None:
    for name, value in (("by_date", data.by_date), ("hold_out", data.hold_out)):
        if value:
            raise DataError(
                f"data.{name} asks for a test split, and the source has one of its own.",
                expected="a source without a test split",
                found=f"data.{name}={value if isinstance(value, str) else list(value)}",
                remedy="data.official=false forgets the source's own splits",
            )


def _crowd(table: pd.DataFrame) -> str:
    """Return what to do where one patient has a large part of the images, else nothing."""
    most = int(table["patient_id"].value_counts().iloc[0])
    if most <= max(LARGE_SHARE * len(table), LEAST):
        return ""
    return (
        f"; {most} of {len(table)} images carry one patient_id: if it is a placeholder, {_REMEDY}"
    )


def check_classes(manifest: Manifest) -> Manifest:
    """Return the manifest if each split has both classes.

    Raises:
        DataError: If one lacks a class.
    """
    counts = manifest.table.groupby(["split", "label"]).size()
    for split in SPLITS:
        for label, name in ((0, "normal"), (1, "abnormal")):
            if (split, label) not in counts.index:
                raise DataError(
                    f"The {split} split has no {name} image.",
                    expected="both classes in train, val and test",
                    found="; ".join(
                        f"{part}: {sum(manifest.table['split'] == part)} images" for part in SPLITS
                    ),
                    remedy="give more patients, or larger val_fraction and test_fraction"
                    + _crowd(manifest.table),
                )
    return manifest
