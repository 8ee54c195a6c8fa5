"""The Predictions table: the waist through which every evaluation passes.

A CSV with ``image_id, patient_id, label, split, p_abnormal`` and, where they exist, ``logit, entropy,
expected_entropy, mutual_information, std, member_0 … member_k``; any further columns are kept and
can serve as subgroups. Tables of other frameworks need ``label`` and ``p_abnormal`` only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from medcnn.errors import DataError
from medcnn.run_dir import atomic_path

REQUIRED = ("label", "p_abnormal")
COLUMNS = ("image_id", "patient_id", "label", "split", "p_abnormal")
UNCERTAINTY = ("entropy", "expected_entropy", "mutual_information", "std")


def read_predictions(path: str | Path) -> pd.DataFrame:
    """Return the checked predictions in a CSV file.

    ``image_id`` defaults to the row number and ``patient_id`` to ``image_id``; identifiers are read
    as text, so that ``007`` stays ``007``.

    Raises:
        DataError: If the file is missing, empty, lacks a required column, has a label that is not
            0 or 1, or a probability that is not within [0, 1].
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(
            f"There is no predictions file {path}.",
            expected=f"a CSV file with the columns {', '.join(COLUMNS)}",
            remedy="check the path",
        )
    try:
        table = pd.read_csv(path, dtype={"image_id": str, "patient_id": str, "split": str})
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} is not a readable CSV file.", found=str(error), remedy="export it again"
        ) from error
    return check_predictions(table, source=str(path))


def check_predictions(table: pd.DataFrame, *, source: str = "the predictions") -> pd.DataFrame:
    """Return ``table`` with its defaults filled in, or raise DataError as in read_predictions."""
    missing = [name for name in REQUIRED if name not in table.columns]
    if missing:
        raise DataError(
            f"{source} lacks the column {missing[0]!r}.",
            expected=", ".join(COLUMNS),
            found=", ".join(map(str, table.columns)),
            remedy="rename or add the column",
        )
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


def checked_labels(column: pd.Series, source: str) -> pd.Series:
    """Return the labels of a table of predictions, or of a manifest, as integers.

    Args:
        column: As read.
        source: What the table is, for the error.

    Raises:
        DataError: If a label is not 0 or 1.
    """
    values = pd.to_numeric(column, errors="coerce")
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
