"""The Predictions table: the waist through which every evaluation passes.

A CSV or Parquet file with ``image_id, patient_id, label, split, p_abnormal`` and, where they exist,
``logit, entropy, expected_entropy, mutual_information, std, member_0 … member_k``; any further
columns are kept and can serve as subgroups. Tables of other frameworks need ``label`` and
``p_abnormal`` only, under whatever names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.errors import DataError
from medcnn.files.sheets import read_sheet
from medcnn.run.directory import atomic_path

REQUIRED = ("label", "p_abnormal")
COLUMNS = ("image_id", "patient_id", "label", "split", "p_abnormal")
IDENTIFIERS = ("image_id", "patient_id", "study_id")
TEXT = (*IDENTIFIERS, "split")
WORDS = {"normal": 0, "abnormal": 1}
UNCERTAINTY = ("entropy", "expected_entropy", "mutual_information", "std")


def read_predictions(
    path: str | Path, columns: Mapping[str, str | None] | None = None
) -> pd.DataFrame:
    """Return the checked predictions in a CSV or Parquet file.

    ``image_id`` defaults to the row number and ``patient_id`` to ``image_id``; identifiers are read
    as text, so that ``007`` stays ``007``. Labels may be the words normal and abnormal.

    Args:
        path: The file.
        columns: What the file calls the columns that it does not call as medcnn does.

    Raises:
        DataError: If the file is missing, empty, lacks a column, has a label that is not 0 or 1, or
            a probability that is not within [0, 1].
    """
    path = Path(path)
    named = {ours: str(theirs) for ours, theirs in (columns or {}).items() if theirs is not None}
    sheet = read_sheet(
        path,
        what="predictions file",
        expected=f"a CSV or Parquet file with the columns {', '.join(COLUMNS)}",
        remedy="check the path, or export it again",
    )
    identifiers = [named.get(name, name) for name in IDENTIFIERS]
    table = sheet.typed(identifiers=identifiers, text=[named.get("split", "split")])
    table = table.reset_index(drop=True)
    _check_present(table, named.values(), str(path), "name one that is there")
    renamed = table.assign(**{ours: table[theirs] for ours, theirs in named.items()})
    foreign = [theirs for theirs in set(named.values()) if theirs not in named]
    return check_predictions(renamed.drop(columns=foreign), source=str(path))


def _check_present(table: pd.DataFrame, names: Iterable[str], source: str, remedy: str) -> None:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise DataError(
            f"{source} lacks the column{'s' * (len(missing) > 1)} {' and '.join(map(repr, missing))}.",
            found=", ".join(map(str, table.columns)),
            remedy=remedy,
        )


def check_predictions(table: pd.DataFrame, *, source: str = "the predictions") -> pd.DataFrame:
    """Return ``table`` with its defaults filled in, or raise DataError as in read_predictions."""
    lacking = [name for name in REQUIRED if name not in table.columns]
    options = " ".join(f"columns.{name}=NAME" for name in lacking)
    _check_present(table, REQUIRED, source, f"say which of these it is: {options}")
    if table.empty:
        raise DataError(f"{source} has no rows.", remedy="give at least one case")
    table = table.copy()
    if "image_id" not in table:
        table["image_id"] = [str(row) for row in range(len(table))]
    if "patient_id" not in table:
        table["patient_id"] = table["image_id"]
    table["patient_id"] = table["patient_id"].fillna(table["image_id"])
    if "split" not in table:
        table["split"] = "test"
    table["label"] = checked_labels(table["label"], source)
    table["p_abnormal"] = _probabilities(table["p_abnormal"], source)
    return table


def write_predictions(table: pd.DataFrame, path: Path) -> None:
    """Write ``table`` to ``path``, contract columns first, floats with nine significant digits."""
    ordered = [name for name in COLUMNS if name in table.columns]
    ordered += [name for name in table.columns if name not in ordered]
    with atomic_path(path) as temporary:
        table[ordered].to_csv(temporary, index=False, float_format="%.9g")


def clusters_of(patients: pd.Series) -> npt.NDArray[np.int64] | None:
    """Return the patient of each case as integers from 0; None where none has two cases.

    >>> clusters_of(pd.Series(["b", "a", "b"])), clusters_of(pd.Series(["b", "a"]))
    (array([0, 1, 0]), None)
    """
    codes, names = pd.factorize(patients)
    return codes.astype(np.int64) if len(names) < len(codes) else None


def checked_labels(column: pd.Series, source: str) -> pd.Series:
    """Return the labels of a table of predictions, or of a manifest, as integers.

    Args:
        column: As read: 0 and 1, or the words normal and abnormal.
        source: What the table is, for the error.

    Raises:
        DataError: If a label is anything else.
    """
    values = pd.to_numeric(_from_words(column), errors="coerce")
    wrong = ~values.isin([0, 1])
    if wrong.any():
        row = int(np.flatnonzero(wrong.to_numpy())[0])
        raise DataError(
            f"{source} has {int(wrong.sum())} labels that are not 0 or 1.",
            expected="0 (normal) or 1 (abnormal)",
            found=_cell(column, row),
            remedy="map the labels to 0 and 1, or drop the unlabelled rows",
        )
    return values.astype(int)


def _from_words(column: pd.Series) -> pd.Series:
    """Return labels with the words normal and abnormal, as ``predict`` decides, as 0 and 1."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    return column.map(lambda value: WORDS.get(str(value).strip().lower(), value))


def _probabilities(column: pd.Series, source: str) -> pd.Series:
    values = pd.to_numeric(column, errors="coerce").astype(float)
    wrong = ~values.between(0.0, 1.0)
    if wrong.any():
        row = int(np.flatnonzero(wrong.to_numpy())[0])
        raise DataError(
            f"{source} has {int(wrong.sum())} values of p_abnormal that are not probabilities.",
            expected="numbers within [0, 1]",
            found=_cell(column, row),
            remedy="drop or predict the rows without a number"
            if bool(values.isna().iloc[row])
            else "apply the logistic function to logits first",
        )
    return values


def _cell(column: pd.Series, row: int) -> str:
    value = column.iloc[row]
    shown = "an empty cell" if pd.isna(value) else repr(getattr(value, "item", lambda: value)())
    return f"{shown} in data row {row + 1}"
