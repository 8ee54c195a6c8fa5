"""Tables that people made: a text file as a spreadsheet exports it, or Parquet.

Commas, semicolons, tabs or bars between the columns; UTF-8 with or without a byte order mark, UTF-16,
or the code page of Western Windows; Excel's ``sep=;`` line, its empty rows at the end and empty
columns at the side, and decimal commas are all read for what they mean. What would have to be
guessed is refused with its line.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from medcnn.errors import DataError
from medcnn.files.identifiers import MISSING, plain_identifiers
from medcnn.files.plain import damaged
from medcnn.files.tables import read_table

PARQUET = (".parquet", ".pq")
SEPARATORS = (",", ";", "\t", "|")
EXPECTED = "a CSV file: text with commas between the columns, whose first row names them"
WORKBOOKS = {
    b"PK\x03\x04": "an Excel or OpenDocument workbook, or another archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"%PDF": "a PDF document",
}
_OPENERS: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_LONGEST_CELL = 2**20


@dataclass(frozen=True)
class Sheet:
    """A table as its author meant it.

    Attributes:
        table: The rows with anything in them, of a text file all cells as text; the index is the
            line of the file (of Parquet the number of the row).
        blank: How many rows were empty.
        notes: What was read otherwise than it stands, in sentences.
        decimal_commas: Whether numbers may have them.
    """

    table: pd.DataFrame
    blank: int = 0
    notes: tuple[str, ...] = ()
    decimal_commas: bool = False

    def typed(
        self,
        *,
        identifiers: Collection[str] = (),
        text: Collection[str] = (),
        names: Mapping[str, str] | None = None,
    ) -> pd.DataFrame:
        """Return the rows with values in the place of cells.

        Args:
            identifiers: Columns that come as ``plain_identifiers`` makes them.
            text: Columns that stay text, missing where they say NA or nothing. All others are of
                numbers where all their cells are.
            names: What columns are renamed to before.
        """
        renamed = self.table.rename(columns=dict(names or {}))
        found = {
            name: plain_identifiers(column)
            if name in identifiers
            else _present(column)
            if name in text
            else _values(column, self.decimal_commas)
            for name, column in renamed.items()
        }
        return pd.DataFrame(found, renamed.index)


def read_sheet(
    path: Path,
    *,
    what: str = "table",
    expected: str = EXPECTED,
    remedy: str = "export it again",
) -> Sheet:
    """Return a table that a person or a program of another kind made.

    Args:
        path: The file.
        what: What to call the file where it is not there.
        expected: What it should hold.
        remedy: What to do about a file that is absent or cannot be read.

    Raises:
        ConfigError: If it is a Parquet file and pyarrow is not installed.
        DataError: If there is no such file, it is no table, or a row does not fit the first.
    """
    if path.suffix.lower() in PARQUET:
        table = read_table(path, what=what, expected=expected, remedy=remedy)
        table.columns = table.columns.str.strip()
        return Sheet(table.set_axis(pd.RangeIndex(1, len(table) + 1), axis=0))
    try:
        return _read(path)
    except _NoTableError as error:
        raise damaged(
            path, "CSV file", expected, str(error), what, error.remedy or remedy
        ) from error
    except DataError:
        raise
    except Exception as error:
        # Every archive has errors of its own.
        raise damaged(path, "CSV file", expected, error, what, remedy) from error


class _NoTableError(Exception):
    """What a file is instead of a table, and what to do about it."""

    def __init__(self, found: str, remedy: str = "") -> None:
        super().__init__(found)
        self.remedy = remedy


def _read(path: Path) -> Sheet:
    content, encoding = _decode(_read_bytes(path))
    first = content.partition("\n")[0].strip()
    is_said = re.fullmatch(r"(?i)\"?sep=(.)\"?", first)
    separator = is_said[1] if is_said else _separator(content)
    rows = _rows(content, separator)
    if is_said:
        next(rows, None)
    names = next(rows, (0, []))[1]
    table, blank = _table(path, [name.strip() for name in names], rows)
    if table.columns.empty:
        raise _NoTableError("an empty file")
    notes = (
        [f"{path.name} is not UTF-8 and was read as {encoding}."] if encoding == "cp1252" else []
    )
    return Sheet(table, blank, tuple(notes), decimal_commas=separator != ",")


def _read_bytes(path: Path) -> bytes:
    opener = _OPENERS.get(path.suffix.lower())
    if opener is not None:
        with opener(path, "rb") as stream:
            return bytes(stream.read())
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            tables = [name for name in archive.namelist() if not name.endswith("/")]
            if len(tables) != 1:
                raise _NoTableError(f"an archive of {len(tables)} files", "unpack it")
            return archive.read(tables[0])
    return path.read_bytes()


def _decode(content: bytes) -> tuple[str, str]:
    """Return the text of a file and the name of its encoding."""
    for start, kind in WORKBOOKS.items():
        if content.startswith(start):
            raise _NoTableError(kind, "save the sheet as CSV UTF-8, and give that file")
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    # UTF-16 without its mark: every second byte of Latin text is NUL.
    nul = content[:4096].count(0) * 3 > len(content[:4096]) > 0
    guess = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    for encoding in (marked or (guess if nul else "utf-8"), "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeError:
            continue
        if encoding != "cp1252" or not nul:
            return text.replace("\r\n", "\n").replace("\r", "\n"), encoding
    raise _NoTableError("bytes that are text in neither UTF-8, UTF-16 nor Windows-1252")


def _separator(content: str) -> str:
    """Return what stands between the names of the columns, a comma for a single column."""
    header = next((line for line in content.split("\n", 20) if line.strip()), "")
    fields = {mark: len(next(csv.reader([header], delimiter=mark), [])) for mark in SEPARATORS}
    return max(SEPARATORS, key=lambda mark: fields[mark])


def _rows(content: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the cells of each row that is not an empty line."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise _NoTableError(f"line {reader.line_num}: {error}") from error
        if row is None:
            return
        if row:
            yield reader.line_num, row


def _table(
    path: Path, names: Sequence[str], rows: Iterator[tuple[int, list[str]]]
) -> tuple[pd.DataFrame, int]:
    """Return the rows that hold anything as text, and how many do not."""
    width, blank = len(names), 0
    lines: list[int] = []
    kept: list[list[str]] = []
    for line, row in rows:
        if not any(cell.strip() for cell in row):
            blank += 1
            continue
        if any(cell.strip() for cell in row[width:]):
            raise DataError(
                f"{path}: line {line} has more cells than there are columns.",
                expected=f"{width} cells: {', '.join(names)}",
                found=f"{len(row)} cells",
                remedy='put cells that hold the separator in double quotes: "a, b"',
            )
        lines.append(line)
        kept.append([*row[:width], *[""] * (width - len(row))])
    columns = list(zip(*kept, strict=True)) if kept else [()] * width
    named = [
        (name, cells)
        for name, cells in zip(names, columns, strict=True)
        if name or any(cell.strip() for cell in cells)
    ]
    twice = next((name for name, _ in named if [n for n, _ in named].count(name) > 1), None)
    if twice is not None:
        raise DataError(
            f"{path} has two columns named {twice!r}.",
            expected="a name of its own for each column",
            found=", ".join(names),
            remedy="rename one of them",
        )
    index = pd.Index(lines, name="line")
    return pd.DataFrame({name: list(cells) for name, cells in named}, index, dtype="str"), blank


def _present(column: pd.Series) -> pd.Series:
    """Return the cells as text without blanks around them, missing where they say nothing."""
    cells = column.map(str, na_action="ignore").astype("str").str.strip()
    return cells.mask(cells.str.lower().isin(MISSING))


def _values(column: pd.Series, decimal_commas: bool) -> pd.Series:
    if not isinstance(column.dtype, pd.StringDtype):
        return column
    known = _present(column)
    numbers = known
    if decimal_commas:
        commas = known.dropna().map(lambda cell: _COMMA_NUMBER.fullmatch(cell) is not None)
        if commas.any():
            numbers = known.str.replace(",", ".", regex=False)
    if numbers.notna().any():
        parsed = pd.to_numeric(numbers, errors="coerce")
        if parsed.isna().sum() == known.isna().sum():
            return parsed
        if known.dropna().isin(["True", "False"]).all() and known.notna().all():
            return known == "True"
    return known
