"""The split as a file: ``image_id, split``, written by every run and taken back by ``data.split``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medcnn.data.manifest import SPLITS, Manifest
from medcnn.errors import DataError
from medcnn.files.sheets import read_sheet
from medcnn.notices import Notice
from medcnn.run.directory import atomic_path


def write_split(manifest: Manifest, path: Path) -> None:
    """Write ``image_id, split`` to a CSV file that ``data.split`` takes back."""
    with atomic_path(path) as temporary:
        manifest.table[["image_id", "split"]].to_csv(temporary, index=False)


def apply_split(manifest: Manifest, path: Path) -> Manifest:
    """Return the manifest with the splits of a file; images that only the file has are counted.

    Raises:
        DataError: If there is no such file, it lacks a column or an image, names an image twice, or
            names a split that does not exist.
    """
    given = _read(path)
    identifiers = manifest.table["image_id"]
    missing = identifiers[~identifiers.isin(given.index)]
    if len(missing):
        raise DataError(
            f"{path} does not name {len(missing)} of the {len(identifiers)} images.",
            expected="a row for every image of the data set",
            found=f"no row for {missing.iloc[0]!r}",
            remedy="use the split file of the same data set",
        )
    table = manifest.table.assign(split=given.loc[identifiers].to_numpy())
    more = len(given) - len(identifiers)
    warnings = [Notice("split_names_more", path=str(path), more=more)] if more else []
    return manifest.with_table(table, *warnings)


def _read(path: Path) -> pd.Series:
    """Return the split of each image_id."""
    given = read_sheet(
        path,
        what="split file",
        expected="a CSV file with the columns image_id and split",
        remedy="check data.split; every run leaves its own as split.csv",
    ).typed(identifiers=["image_id"], text=["split"])
    if not {"image_id", "split"} <= set(given.columns):
        raise DataError(
            f"{path} is not a split file.",
            expected="the columns image_id and split",
            found=", ".join(given.columns),
        )
    given = given[["image_id", "split"]].fillna("")
    unknown = sorted(set(given["split"]) - set(SPLITS))
    if unknown:
        raise DataError(
            f"{path} names a split {unknown[0]!r}.", expected="train, val or test", found=unknown[0]
        )
    twice = given["image_id"][given["image_id"].duplicated()]
    if len(twice):
        raise DataError(
            f"{path} names {len(twice)} images twice.",
            expected="one row an image",
            found=repr(twice.iloc[0]),
        )
    return given.set_index("image_id")["split"]
