"""Learning curves as a table: ``metrics.csv``, or a file in its form."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medcnn.errors import DataError
from medcnn.files.tables import read_csv


def read_curves(path: Path) -> pd.DataFrame:
    """Return learning curves, one row an epoch, every column a number (NaN where it is empty).

    Raises:
        DataError: If there is no such file, it holds no epoch, or a cell is not a number.
    """
    remedy = "let it train for at least one epoch"
    if path.is_file() and not path.stat().st_size:
        raise DataError(f"{path} has no learning curves.", found="an empty file", remedy=remedy)
    table = read_csv(path, what="learning curves", expected="a row an epoch", remedy=remedy)
    if table.empty:
        raise DataError(f"{path} has no learning curves.", found="no epoch", remedy=remedy)
    for name in map(str, table):
        numbers = pd.to_numeric(table[name], errors="coerce")
        wrong = numbers.isna() & table[name].notna()
        if wrong.any():
            raise DataError(
                f"{path} has {int(wrong.sum())} values of {name} that are not numbers.",
                expected="learning curves, one row an epoch",
                found=repr(table[name][wrong].iloc[0]),
                remedy="restore the file, or train again",
            )
        table[name] = numbers
    return table
