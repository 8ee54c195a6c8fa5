"""Splits by patient: stratified by label, reproducible, and independent of the order of rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from medcnn.data.manifest import SPLITS, Manifest
from medcnn.errors import DataError
from medcnn.run_dir import atomic_path


def assign_splits(
    manifest: Manifest,
    *,
    val_fraction: float = 0.15,
    test_fraction: float = 0.15,
    seed: int = 0,
    stratify: Sequence[str] = (),
    group: str = "patient_id",
    by_date: str | None = None,
    fold: int | None = None,
    folds: int | None = None,
    split_file: Path | None = None,
) -> Manifest:
    """Return the manifest with every row in train, val or test.

    Splits of the source are honoured; missing ones are carved out of its training part, whole groups
    (patients) at a time, stratified by label. With folds, fold k of the training part is held out as
    test, or as val where the source has a test split of its own.

    Args:
        manifest: The images; an empty split counts as train.
        val_fraction: Part of the training patients that becomes val.
        test_fraction: Part that becomes test.
        seed: Seed of the draw.
        stratify: Columns to balance besides the label.
        group: The column whose values never stand on both sides.
        by_date: A date column: the newest patients become test.
        fold: Which fold is held out, from 0.
        folds: Number of folds.
        split_file: A CSV of ``image_id, split`` to take instead.

    Raises:
        DataError: If a column is missing, there are too few patients, or a split file does not fit.
    """
    table = manifest.table.copy()
    if split_file is not None:
        table["split"] = read_split(split_file, table["image_id"])
        return _checked(manifest.with_table(table))
    for column in (group, *stratify, *([by_date] if by_date else [])):
        if column not in table:
            raise DataError(
                f"The manifest has no column {column!r} to split by.",
                expected=", ".join(map(str, table.columns)),
                found=column,
            )
    table["split"] = table["split"].replace("", "train")
    present = set(table["split"])
    if folds is not None and fold is not None:
        held_out = "val" if "test" in present else "test"
        table.loc[table["split"].eq("val"), "split"] = "train"
        present.discard("val")
        _move_fold(table, held_out, fold, folds, seed, stratify, group)
        present.add(held_out)
    # Fractions are of the whole, so what is carved second is a larger part of what is left.
    left = 1.0
    for name, fraction in (("test", test_fraction), ("val", val_fraction)):
        if name not in present:
            if name == "test" and by_date is not None:
                _move_newest(table, fraction, by_date, group)
            else:
                _move(table, name, fraction / left, seed, stratify, group)
            left -= fraction
    return _checked(manifest.with_table(table))


def read_split(path: Path, image_ids: pd.Series) -> list[str]:
    """Return the split of each image from a CSV of ``image_id, split``.

    Raises:
        DataError: If the file lacks a column or an image, or names a split that does not exist.
    """
    given = pd.read_csv(path, dtype=str)
    if not {"image_id", "split"} <= set(given.columns):
        raise DataError(
            f"{path} is not a split file.",
            expected="the columns image_id and split",
            found=", ".join(given.columns),
        )
    by_id = dict(zip(given["image_id"], given["split"], strict=True))
    missing = [name for name in image_ids if name not in by_id]
    if missing:
        raise DataError(
            f"{path} does not name {len(missing)} of the {len(image_ids)} images.",
            expected="a row for every image of the data set",
            found=f"no row for {missing[0]!r}",
            remedy="use the split file of the same data set",
        )
    unknown = sorted({str(name) for name in by_id.values()} - set(SPLITS))
    if unknown:
        raise DataError(
            f"{path} names a split {unknown[0]!r}.", expected="train, val or test", found=unknown[0]
        )
    return [by_id[name] for name in image_ids]


def write_split(manifest: Manifest, path: Path) -> None:
    """Write ``image_id, split`` to a CSV file that ``data.split`` takes back."""
    with atomic_path(path) as temporary:
        manifest.table[["image_id", "split"]].to_csv(temporary, index=False)


def fold_of_groups(
    table: pd.DataFrame, folds: int, seed: int, stratify: Sequence[str], group: str
) -> dict[str, int]:
    """Return the fold of each group: every stratum is dealt out in turn, so folds are balanced.

    A group's stratum is its highest label and its first value of each further column. Groups are
    sorted before they are shuffled, so the order of rows does not matter.
    """
    keys = {"label": ("label", "max")} | {name: (name, "first") for name in stratify}
    groups = table.groupby(group, sort=True).agg(**keys).reset_index()
    rng = np.random.default_rng([seed, folds])
    groups = groups.iloc[rng.permutation(len(groups))]
    found: dict[str, int] = {}
    dealt = 0
    for _, members in groups.groupby(list(keys), sort=True, dropna=False):
        for name in members[group]:
            found[name] = dealt % folds
            dealt += 1
    return found


def _move_fold(
    table: pd.DataFrame,
    name: str,
    fold: int,
    folds: int,
    seed: int,
    stratify: Sequence[str],
    group: str,
) -> None:
    if not 0 <= fold < folds:
        raise DataError(
            f"There is no fold {fold}.", expected=f"0 to {folds - 1}", found=f"data.fold={fold}"
        )
    train = table[table["split"] == "train"]
    places = fold_of_groups(train, folds, seed, stratify, group)
    chosen = train[group].map(places) == fold
    table.loc[train.index[chosen], "split"] = name


def _move(
    table: pd.DataFrame, name: str, fraction: float, seed: int, stratify: Sequence[str], group: str
) -> None:
    """Move a fraction of the training groups of each stratum to another split."""
    train = table[table["split"] == "train"]
    keys = {"label": ("label", "max")} | {column: (column, "first") for column in stratify}
    groups = train.groupby(group, sort=True).agg(**keys).reset_index()
    rng = np.random.default_rng([seed, len(name)])
    groups = groups.iloc[rng.permutation(len(groups))]
    chosen: set[str] = set()
    for _, members in groups.groupby(list(keys), sort=True, dropna=False):
        count = round(fraction * len(members))
        chosen.update(members[group].iloc[: max(count, 1) if len(members) > 1 else count])
    table.loc[train.index[train[group].isin(chosen)], "split"] = name


def _move_newest(table: pd.DataFrame, fraction: float, by_date: str, group: str) -> None:
    train = table[table["split"] == "train"]
    dates = pd.to_datetime(train[by_date].astype(str), errors="coerce")
    if dates.isna().any():
        raise DataError(
            f"{int(dates.isna().sum())} images have no date in {by_date!r}.",
            expected="a date in every row, for example 20240131 or 2024-01-31",
            remedy="drop these rows, or split by patient at random",
        )
    newest = dates.groupby(train[group]).max().sort_values(kind="stable")
    chosen = newest.index[len(newest) - max(round(fraction * len(newest)), 1) :]
    table.loc[train.index[train[group].isin(chosen)], "split"] = "test"


def _checked(manifest: Manifest) -> Manifest:
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
                    remedy="give more patients, or larger val_fraction and test_fraction",
                )
    return manifest
