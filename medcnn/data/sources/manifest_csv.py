"""A table of the user's own: which images, what they show, and whatever else is known of them.

Only an image and its label are needed. Columns are found by the names of the manifest or names that
people give them, or as ``data.columns`` says; what was understood is told in one sentence.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from medcnn.data.manifest import COLUMNS, Manifest
from medcnn.data.settings import Columns
from medcnn.data.sources.completion import complete_manifest
from medcnn.data.sources.folder import SPLIT_NAMES
from medcnn.data.sources.label_words import labels_of
from medcnn.data.sources.listed_paths import listed_paths
from medcnn.errors import DataError, nearest
from medcnn.files.remote import check_mounted
from medcnn.files.sheets import Sheet, read_sheet
from medcnn.io.array import split_fragment
from medcnn.notices import Notice
from medcnn.settings.grammar import written
from medcnn.settings.reading import read as read_settings

IDENTIFIERS = ("image_id", "patient_id", "study_id")
TEXT = ("path", "label", "mask_path", "view", "split")
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".gz")
EXPECTED = (
    "a CSV or Parquet file with a row for each image: a column of paths and one of labels, and "
    "whatever there is of patient_id, study_id, view, split"
)
SHOWN = 3
OURS = (*COLUMNS, "mask_path")
OTHER_NAMES = {
    "path": (
        "file",
        "filename",
        "filepath",
        "imagepath",
        "image",
        "imagefile",
        "imageindex",
        "datei",
    ),
    "label": (
        "class",
        "target",
        "diagnosis",
        "diagnose",
        "finding",
        "findings",
        "findinglabels",
        "befund",
    ),
    "patient_id": ("patient", "patientnumber", "subject", "subjectid", "pid"),
}
"""What people call a column, as it is compared: in lower case, without blanks and hyphens."""


def read(
    root: str | Path,
    columns: Mapping[str, str | None] | None = None,
    images: str | Path | None = None,
    normal: Sequence[str] = (),
    abnormal: Sequence[str] = (),
) -> Manifest:
    """Return the manifest in the CSV or Parquet file ``root``.

    ``mask_path`` is resolved as ``path`` is. Empty rows, and rows without a path or a label, are left
    out and counted. Where no column is the ``image_id``, the path is.

    Args:
        root: The file.
        columns: What it calls the columns of the manifest, where they are not found by themselves.
        images: The folder that relative paths start at; None: the file's.
        normal: Words of the label column that are normal, beside the well-known ones.
        abnormal: Words of the label column that are abnormal, beside the well-known ones.

    Raises:
        DataError: If the file is missing, is a folder, does not hold such a table, or if a word of
            the label column may mean either.
    """
    path = _file(Path(root).expanduser())
    sheet = read_sheet(
        path, what="manifest", expected=EXPECTED, remedy="check data.root, or export it again"
    )
    told_names = read_settings(Columns, columns or {}, lenient=True).given()
    names = _names(list(sheet.table.columns), told_names, path.name)
    _check_needed(names, list(sheet.table.columns), path.name)
    table = _typed(sheet, names)
    table, told, left_out = _with_files(table, path.name)
    if sheet.blank:
        left_out["empty row"] = sheet.blank
        told.append(Notice("empty_rows", file=path.name, n=sheet.blank))
    folder = Path(images).expanduser() if images else path.parent
    labels = labels_of(table["label"], path.name, normal, abnormal)
    table["label"] = labels.column
    if "image_id" not in table:
        table.insert(0, "image_id", _named_by_path(table["path"], folder.resolve(), path.name))
    for name in {"path", "mask_path"} & set(table.columns):
        for cell in table[name].dropna():
            check_mounted(cell, f"{name} in {path.name}")
        table[name] = listed_paths(table[name], folder.resolve())
    if "split" in table:
        table["split"] = table["split"].str.lower().replace(SPLIT_NAMES)
    return complete_manifest(
        table,
        source=path.name,
        label_policy=f"{_understood(path.name, names)}; {labels.policy()}",
        warnings=[*sheet.notes, *told, *_absent(table, path.name, folder.resolve())],
        left_out=left_out,
    )


def _typed(sheet: Sheet, names: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows with their columns under the manifest's names; of two uses, both."""
    ours = {theirs: name for name, theirs in names.items()}
    renamed = {theirs: name for theirs, name in ours.items() if theirs != name}
    table = sheet.typed(identifiers=IDENTIFIERS, text=TEXT, names=renamed)
    for name, theirs in names.items():  # one column may be the path and the image_id
        if ours[theirs] != name:
            table[name] = table[ours[theirs]]
    return table


def _names(found: Sequence[str], told: Mapping[str, str], source: str) -> dict[str, str]:
    """Return what each column of the manifest is called in the table: as told, else as found.

    Raises:
        DataError: If a column that was named is not there.
    """
    for name, theirs in told.items():
        if theirs not in found:
            guess = nearest(theirs, found)
            raise DataError(
                f"{source} has no column {theirs!r}, which data.columns.{name} names.",
                expected="one of its columns",
                found=", ".join(map(str, found)),
                remedy=f"did you mean {written(f'data.columns.{name}', guess)}?"
                if guess
                else "check the name, capitals included",
            )
    names = dict(told)
    taken = set(told.values())
    for meant, spelt in _SPELLINGS:
        for theirs in found:
            ours = meant.get(spelt(theirs))
            if ours is not None and ours not in names and theirs not in taken:
                names[ours] = theirs
                taken.add(theirs)
    return names


def _check_needed(names: Mapping[str, str], found: Sequence[str], source: str) -> None:
    for name in ("path", "label"):
        if name not in names:
            raise DataError(
                f"The manifest of {source} lacks the column {name!r}.",
                expected=EXPECTED,
                found=", ".join(map(str, found)),
                remedy=f"say which column it is: data.columns.{name}=NAME",
            )


def _compared(name: str) -> str:
    return re.sub(r"[\s_\-.]+", "", str(name)).lower()


_SPELLINGS: tuple[tuple[dict[str, str], Callable[[str], str]], ...] = (
    ({name: name for name in OURS}, str),
    ({_compared(name): name for name in OURS}, _compared),
    ({other: name for name, others in OTHER_NAMES.items() for other in others}, _compared),
)
"""What columns mean: by the manifest's names, by other spellings of these such as ``Patient ID``, and
by everyday names such as ``Befund``."""


def _understood(source: str, names: Mapping[str, str]) -> str:
    """Return in a sentence which column was taken for what."""
    shown = [
        name if theirs == name else f"{name} from {theirs!r}"
        for name in COLUMNS
        if (theirs := names.get(name)) is not None
    ]
    if "patient_id" not in names:
        shown.append("patient_id from DICOM headers where there are any")
    return f"{source}: {', '.join(shown)}"


def _named_by_path(paths: pd.Series, folder: Path, source: str) -> pd.Series:
    """Return the paths below the folder as names of the images.

    Raises:
        DataError: If an image stands in several rows.
    """

    def name(cell: str) -> str:
        plain = Path(cell.strip().strip("\"'").replace("\\", "/"))
        below = plain.relative_to(folder) if plain.is_relative_to(folder) else plain
        return below.as_posix()

    names = paths.map(name)
    twice = names[names.duplicated()]
    if len(twice):
        raise DataError(
            f"{source} lists {len(twice)} images more than once.",
            expected="a row for each image",
            found=f"{twice.iloc[0]} again in line {twice.index[0]}",
            remedy="join rows of one image, as of several findings, into one; where one file holds "
            "several images, name them by data.columns.image_id=COLUMN",
        )
    return names


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


def _with_files(table: pd.DataFrame, source: str) -> tuple[pd.DataFrame, list[str], dict[str, int]]:
    """Return the rows that name an image, and how many do not, in words and by reason."""
    told: list[str] = []
    left_out: dict[str, int] = {}
    reasons = {
        "path": "row without a path",
        "image_id": "row without an image_id",
        "label": "row without a label",
    }
    for name, reason in reasons.items():
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


def _absent(table: pd.DataFrame, source: str, folder: Path) -> list[str]:
    absent = [name for name in table["path"] if not os.path.exists(split_fragment(name)[0])]  # noqa: PTH110
    if not absent:
        return []
    return [
        Notice(
            "files_absent",
            file=source,
            count=len(absent),
            of=len(table),
            first=absent[0],
            folder=str(folder),
        )
    ]
