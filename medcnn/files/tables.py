"""CSV and Parquet files as tables."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from medcnn.errors import require_pyarrow
from medcnn.files.plain import REMEDY, damaged

EXPECTED = "UTF-8 text, commas between the columns, and a first row that names them"


def read_csv(
    path: Path,
    *,
    text: Iterable[str] | None = (),
    blank: bool = False,
    what: str = "CSV file",
    expected: str = EXPECTED,
    remedy: str = REMEDY,
) -> pd.DataFrame:
    """Return the table in a CSV file; compressed files (``.gz``, ``.zip``) are read as they are.

    Columns are taken as their names stand: a row with more cells than there are names is cut, and
    never shifts the others.

    Args:
        path: The file.
        text: Columns that hold text even where they look like numbers, so that ``007`` stays
            ``007``; None: all of them.
        blank: Whether empty cells are empty text rather than missing.
        what: What to call the file where it is not there.
        expected: What it should hold.
        remedy: What to do about a file that is absent or damaged.

    Raises:
        DataError: If there is no such file, or it is not a CSV file.
    """
    kinds = str if text is None else dict.fromkeys(text, str)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)
            warnings.simplefilter("ignore", pd.errors.DtypeWarning)
            table = pd.read_csv(path, dtype=kinds, keep_default_na=not blank, index_col=False)
        table.columns = table.columns.astype(str)
    except Exception as error:
        # Beside its own errors pandas raises those of codecs, archives and of number parsing.
        raise damaged(path, "CSV file", expected, error, what, remedy) from error
    return table


def read_table(
    path: Path,
    *,
    text: Iterable[str] = (),
    what: str = "table",
    expected: str = EXPECTED,
    remedy: str = REMEDY,
) -> pd.DataFrame:
    """Return the table in a CSV file or, by its suffix ``.parquet``, in a Parquet file.

    Args:
        path: The file.
        text: Columns that hold text even where they look like numbers.
        what: What to call the file where it is not there.
        expected: What it should hold.
        remedy: What to do about a file that is absent or damaged.

    Raises:
        ConfigError: If it is a Parquet file and pyarrow is not installed.
        DataError: If there is no such file, or it is of neither kind.
    """
    if path.suffix != ".parquet":
        return read_csv(path, text=text, what=what, expected=expected, remedy=remedy)
    if path.is_file():
        require_pyarrow("a CSV file")
    try:
        table = pd.read_parquet(path)
        table.columns = table.columns.astype(str)
        names = [name for name in text if name in table]
        return table.assign(**{name: table[name].map(str, na_action="ignore") for name in names})
    except Exception as error:
        # Arrow's errors are of every built-in kind.
        raise damaged(path, "Parquet file", expected, error, what, remedy) from error
