"""The manifest: the table to which every data source reduces.

One row an image, with ``image_id, path, label, patient_id, study_id, view, split`` and any further
columns (sex, age, site, finding, …) that subgroup tables can use. ``label`` is 0 normal, 1 abnormal;
``split`` is ``train``, ``val``, ``test`` or empty where the split is still to be made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from medcnn.errors import DataError
from medcnn.files.identifiers import plain_identifiers
from medcnn.files.tables import read_csv
from medcnn.notices import Notice
from medcnn.predictions import checked_labels
from medcnn.run.directory import atomic_path

COLUMNS = ("image_id", "path", "label", "patient_id", "study_id", "view", "split")
SPLITS = ("train", "val", "test")
DOUBTED = "header_patient"
"""The column of patients whom header and table tell apart differently: numbers, no identifiers."""
TEXT_COLUMNS = ("image_id", "path", "patient_id", "study_id", "view", "split")


@dataclass(frozen=True)
class Manifest:
    """A checked manifest table and where it came from.

    Attributes:
        table: The rows, with all of ``COLUMNS``; paths are absolute.
        source: The name of the data source.
        label_policy: How the release's findings became normal and abnormal, in one sentence.
        citation: The publication to cite.
        warnings: What the report has to repeat.
        left_out: How many files or rows the source did not take, by reason.
        doubts: Those of the warnings that the audit has to count as findings of its own.
    """

    table: pd.DataFrame
    source: str
    label_policy: str = "label as given: 0 normal, 1 abnormal"
    citation: str = ""
    warnings: tuple[str, ...] = field(default=())
    left_out: Mapping[str, int] = field(default_factory=dict)
    doubts: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.table)

    def split(self, name: str) -> pd.DataFrame:
        """Return the rows of one split, with a fresh index."""
        return self.table[self.table["split"] == name].reset_index(drop=True)

    def with_table(self, table: pd.DataFrame, *warnings: str) -> Manifest:
        """Return this manifest with other rows and further warnings."""
        return replace(
            self, table=table.reset_index(drop=True), warnings=(*self.warnings, *warnings)
        )

    def write(self, path: Path) -> None:
        """Write the table to a CSV file, atomically."""
        with atomic_path(path) as temporary:
            self.table.to_csv(temporary, index=False)


def build_manifest(
    table: pd.DataFrame,
    *,
    source: str,
    label_policy: str = "label as given: 0 normal, 1 abnormal",
    citation: str = "",
    warnings: Iterable[str] = (),
    left_out: Mapping[str, int] | None = None,
    doubts: Iterable[str] = (),
) -> Manifest:
    """Check a source's rows, fill in the optional columns and return the manifest.

    ``patient_id`` defaults to ``image_id`` (every image its own patient, with a warning),
    ``study_id`` to ``patient_id``, ``view`` and ``split`` to empty. Identifiers lose what makes no
    difference (``medcnn.files.identifiers``).

    Raises:
        DataError: If there are no rows, a column is missing, an ``image_id`` stands twice, a label is
            not 0 or 1, a split has an unknown name, or one of the two classes is absent.
    """
    table, doubts = table.copy(), tuple(doubts)
    missing = [name for name in ("image_id", "path", "label") if name not in table.columns]
    if missing:
        raise DataError(
            f"The manifest of {source} lacks the column {missing[0]!r}.",
            expected=", ".join(COLUMNS),
            found=", ".join(map(str, table.columns)) or "no columns",
            remedy="add the column; image_id, path and label are required",
        )
    if table.empty:
        raise DataError(
            f"{source} has no images.",
            expected="at least one image of each class",
            remedy="check data.root",
        )
    for name in ("image_id", "patient_id", "study_id"):
        if name in table:
            table[name] = plain_identifiers(table[name])
    _check_named(table, source)
    unnamed = _unnamed_patients(table, source)
    for name, default in (("patient_id", "image_id"), ("study_id", "patient_id")):
        table[name] = table[name].fillna(table[default]) if name in table else table[default]
    for name in ("view", "split"):
        table[name] = table[name].fillna("") if name in table else ""
    _check_identifiers(table, source)
    for name in TEXT_COLUMNS:
        table[name] = table[name].astype(str)
    table["label"] = checked_labels(table["label"], source)
    _check_splits(table, source)
    _check_classes(table, source)
    ordered = [*COLUMNS, *(name for name in table.columns if name not in COLUMNS)]
    return Manifest(
        table=table[ordered].reset_index(drop=True),
        source=source,
        label_policy=label_policy,
        citation=citation,
        warnings=(*warnings, *doubts, *unnamed),
        left_out=dict(left_out or {}),
        doubts=tuple(doubts),
    )


def read_table(path: Path) -> pd.DataFrame:
    """Return a manifest CSV as a table, identifiers as text and relative paths made absolute.

    Raises:
        DataError: If the file is missing or is not a CSV file.
    """
    table = read_csv(
        path,
        text=TEXT_COLUMNS,
        what="manifest",
        expected=f"a CSV file with the columns {', '.join(COLUMNS)}",
        remedy="check data.root, or export it again",
    )
    if "path" in table:
        folder = path.resolve().parent
        table["path"] = table["path"].map(lambda name: str(folder / name), na_action="ignore")
    return table


def _check_named(table: pd.DataFrame, source: str) -> None:
    for name in ("image_id", "path"):
        empty = table[name].isna()
        if empty.any():
            raise DataError(
                f"{source} has {int(empty.sum())} rows without {name}.",
                expected=f"{name} in every row",
                found=f"an empty cell in data row {int(empty.to_numpy().argmax()) + 1}",
                remedy="fill it in, or leave the row out",
            )


def _unnamed_patients(table: pd.DataFrame, source: str) -> list[str]:
    named = table["patient_id"].notna().sum() if "patient_id" in table else 0
    if named == len(table):
        return []
    return [Notice("unnamed_patients", source=source, n=len(table) - int(named), of=len(table))]


def _check_identifiers(table: pd.DataFrame, source: str) -> None:
    twice = table["image_id"][table["image_id"].duplicated()]
    if len(twice):
        raise DataError(
            f"{source} has {len(twice)} image_ids that stand twice.",
            expected="a unique image_id in every row",
            found=repr(twice.iloc[0]),
            remedy="make the identifiers unique, for example by the relative path",
        )


def _check_splits(table: pd.DataFrame, source: str) -> None:
    unknown = sorted(set(table["split"].unique()) - {*SPLITS, ""})
    if unknown:
        raise DataError(
            f"{source} has a split named {unknown[0]!r}.",
            expected="train, val, test or empty",
            found=", ".join(unknown),
            remedy="rename the values of the split column",
        )


def _check_classes(table: pd.DataFrame, source: str) -> None:
    counts = table["label"].value_counts()
    if len(counts) < 2:
        label = int(counts.index[0])
        raise DataError(
            f"{source} has images of one class only.",
            expected="normal (0) and abnormal (1) images",
            found=f"{len(table)} images, all with label {label}",
            remedy="check the class folders or the label column",
        )
