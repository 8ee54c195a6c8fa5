"""Splits by patient: official, given, or made; reproducible and independent of the order of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from medcnn.data.manifest import SPLITS, Manifest
from medcnn.data.patients import LARGE_SHARE, LEAST, REMEDY
from medcnn.data.settings import PATIENT
from medcnn.data.splits.drawing import draw, fold_of_groups, matching, newest
from medcnn.data.splits.file import apply_split
from medcnn.data.splits.source_folds import folds_of_sources, held_out
from medcnn.errors import DataError
from medcnn.notices import Notice

_REMEDY = REMEDY[0].lower() + REMEDY[1:]


@dataclass(frozen=True)
class SplitPlan:
    """How a manifest is split.

    Attributes:
        val_fraction: Part of the patients that becomes val.
        test_fraction: Part that becomes test.
        seed: Seed of the draw.
        stratify: Columns to balance besides the label; numbers by their quartiles.
        group: The column whose values never stand on both sides.
        by_date: A date column: the newest patients become test.
        hold_out: ``COLUMN:VALUE``: patients with such an image become test.
        fold: Which fold is held out, from 0.
        folds: Number of folds.
        fold_by: ``patient``, or the column of the sources that a fold never saw.
        official: Whether splits of the source are kept.
        split_file: A CSV of ``image_id, split`` to take instead.
    """

    val_fraction: float = 0.15
    test_fraction: float = 0.15
    seed: int = 0
    stratify: Sequence[str] = ()
    group: str = "patient_id"
    by_date: str | None = None
    hold_out: Sequence[str] = ()
    fold: int | None = None
    folds: int | None = None
    fold_by: str = PATIENT
    official: bool = True
    split_file: Path | None = None

    def __post_init__(self) -> None:
        if self.fold is not None and self.folds is not None and not 0 <= self.fold < self.folds:
            raise DataError(
                f"There is no fold {self.fold}.",
                expected=f"0 to {self.folds - 1}",
                found=f"data.fold={self.fold}",
            )
        ways = {
            "data.by_date": self.by_date,
            "data.hold_out": self.hold_out,
            "data.fold": None if self.fold is None else str(self.fold),
        }
        chosen = [name for name, value in ways.items() if value]
        if len(chosen) > 1:
            raise DataError(
                f"{' and '.join(chosen)} both say what is tested.",
                expected="one of data.by_date, data.hold_out and data.fold",
                remedy="leave one out",
            )


def assign_splits(manifest: Manifest, plan: SplitPlan | None = None) -> Manifest:
    """Return the manifest with every row in train, val or test.

    Splits of the source are honoured; missing ones are carved out of its training part, whole groups
    (patients) at a time, stratified by label. With folds, fold k of the training part is held out as
    test, or as val where the source has a test split of its own. Folds of sources hold whole sources
    out; validation is drawn from the patients of the others, balanced over their sources.

    Args:
        manifest: The images; an empty split counts as train.
        plan: What is asked for; by default a random split by patient.

    Raises:
        DataError: If a column is missing, there are too few patients, a split file does not fit, or
            a test split is asked for beside the source's own.
    """
    plan = plan or SplitPlan()
    if plan.split_file is not None:
        return check_classes(apply_split(manifest, plan.split_file))
    _check_columns(manifest.table, plan)
    table = manifest.table.copy()
    table["split"] = table["split"].replace("", "train") if plan.official else "train"
    present = set(table["split"])
    if "test" in present:
        _check_free(plan)
    _check_enough(table[table["split"].eq("train")], len({"test", "val"} - present), plan.group)
    notices: tuple[Notice, ...] = ()
    if plan.folds is not None and plan.fold is not None:
        name = "val" if "test" in present else "test"
        table.loc[table["split"].eq("val"), "split"] = "train"
        present = (present - {"val"}) | {name}
        table, notices = _without_fold(table, plan, plan.folds, plan.fold, name)
    # Fractions are of the whole, so what is carved second is a larger part of what is left.
    left = 1.0
    for name, fraction in (("test", plan.test_fraction), ("val", plan.val_fraction)):
        if name not in present:
            _move(table, name, _chosen(table, name, fraction / left, plan), plan)
            left -= fraction
    return check_classes(manifest.with_table(table, *notices))


def _without_fold(
    table: pd.DataFrame, plan: SplitPlan, folds: int, fold: int, name: str
) -> tuple[pd.DataFrame, tuple[Notice, ...]]:
    """Return the rows with one fold of the training part held out as ``name``."""
    train = table[table["split"].eq("train")]
    if plan.fold_by == PATIENT:
        places = fold_of_groups(train, folds, plan.seed, plan.stratify, plan.group)
        _move(table, name, {each for each in places if places[each] == fold}, plan)
        return table, ()
    sources = folds_of_sources(train, plan.fold_by, folds, plan.group)
    return held_out(table, sources, fold, name, plan.group), sources.notices


def _chosen(table: pd.DataFrame, name: str, fraction: float, plan: SplitPlan) -> set[str]:
    train = table[table["split"].eq("train")]
    if name == "test" and plan.by_date is not None:
        return newest(train, fraction, plan.by_date, plan.group)
    if name == "test" and plan.hold_out:
        return matching(train, plan.hold_out, plan.group)
    # What is validated on resembles what is trained on, source by source.
    balanced = () if plan.fold_by == PATIENT else (plan.fold_by,)
    return draw(train, name, fraction, plan.seed, (*plan.stratify, *balanced), plan.group)


def _move(table: pd.DataFrame, name: str, groups: set[str], plan: SplitPlan) -> None:
    chosen = table["split"].eq("train") & table[plan.group].isin(groups)
    table.loc[chosen, "split"] = name


def _check_columns(table: pd.DataFrame, plan: SplitPlan) -> None:
    dated = [plan.by_date] if plan.by_date else []
    for column in (plan.group, *plan.stratify, *dated):
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


def _check_free(plan: SplitPlan) -> None:
    for name, value in (("by_date", plan.by_date), ("hold_out", plan.hold_out)):
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
