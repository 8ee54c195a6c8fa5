"""A manifest that the user wrote: a table with ``image_id, path, label`` and further columns."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from medcnn.data.manifest import COLUMNS, Manifest
from medcnn.data.sources.class_names import cell_label
from medcnn.data.sources.completion import complete_manifest
from medcnn.data.sources.listed_paths import listed_paths
from medcnn.errors import DataError
from medcnn.files.sheets import read_sheet
from medcnn.io.array import split_fragment
from medcnn.notices import Notice

IDENTIFIERS = ("image_id", "patient_id", "study_id")
TEXT = ("path", "mask_path", "view", "split")
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".gz")
EXPECTED = f"a CSV or Parquet file with the columns {', '.join(COLUMNS)}"
SHOWN = 3


def read(root: str | Path) -> Manifest:
    """Return the manifest in the CSV or Parquet file ``root``; paths start at the file's folder.

    ``mask_path`` is resolved as ``path`` is. Empty rows, and rows without a path or an ``image_id``,
    are left out and counted.

    Raises:
        DataError: If the file is missing, is a folder, or does not hold a manifest.
    """
    path = _file(Path(root).expanduser())
    sheet = read_sheet(
        path, what="manifest", expected=EXPECTED, remedy="check data.root, or export it again"
    )
    table = sheet.typed(
        identifiers=IDENTIFIERS, text=TEXT, names=_spelt_otherwise(sheet.table.columns)
    )
    table, told, left_out = _with_files(table, path.name)
    if sheet.blank:
        left_out["empty row"] = sheet.blank
        told.append(Notice("empty_rows", file=path.name, n=sheet.blank))
    for name in {"path", "mask_path"} & set(table.columns):
        table[name] = listed_paths(table[name], path.resolve().parent)
    if "label" in table and not pd.api.types.is_numeric_dtype(table["label"]):
        table["label"] = table["label"].map(cell_label)
    if "split" in table:
        table["split"] = table["split"].str.lower()
    return complete_manifest(
        table,
        source=path.name,
        warnings=[*sheet.notes, *told, *_absent(table, path)],
        left_out=left_out,
    )


def _file(path: Path) -> Path:
    if path.is_dir():
        tables = sorted(p.name for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
        raise DataError(
            f"data=manifest needs a file, and {path} is a folder.",
            expected=EXPECTED,
            found=", ".join(tables[:8]) or "no CSV file in the folder",
            remedy="give the file, or use data=folder for a folder of images",
        )
    return path


def _spelt_otherwise(columns: Iterable[str]) -> dict[str, str]:
    """Return the columns that are of the contract by another spelling, such as ``Patient ID``."""
    known = {name.replace("_", ""): name for name in (*COLUMNS, "mask_path")}
    taken = set(columns)
    found: dict[str, str] = {}
    for name in columns:
        ours = known.get(re.sub(r"[\s_\-.]+", "", str(name)).lower())
        if ours is not None and ours not in taken:
            found[name] = ours
            taken.add(ours)
    return found


def _with_files(table: pd.DataFrame, source: str) -> tuple[pd.DataFrame, list[str], dict[str, int]]:
    """Return the rows that name an image, and how many do not, in words and by reason."""
    told: list[str] = []
    left_out: dict[str, int] = {}
    for name, reason in (("path", "row without a path"), ("image_id", "row without an image_id")):
        if name not in table or not len(table):
            continue
        without = table[name].isna()
        if without.any():
            left_out[reason] = int(without.sum())
            lines = [str(line) for line in table.index[without][:SHOWN]]
            told.append(
                Notice(
                    "rows_without",
                    file=source,
                    count=int(without.sum()),
                    of=len(table),
                    column=name,
                    lines=[*lines, *(["…"] if without.sum() > SHOWN else [])],
                )
            )
            table = table[~without]
    return table.copy(), told, left_out


def _absent(table: pd.DataFrame, path: Path) -> list[str]:
    if "path" not in table:
        return []
    absent = [name for name in table["path"] if not os.path.exists(split_fragment(name)[0])]  # noqa: PTH110
    if not absent:
        return []
    return [
        Notice(
            "files_absent",
            file=path.name,
            count=len(absent),
            of=len(table),
            first=absent[0],
            folder=str(path.resolve().parent),
        )
    ]
