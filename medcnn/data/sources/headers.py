"""What a manifest takes from DICOM headers, without touching the pixels.

A table of the user's or of a release goes first; the header fills what the table leaves empty. Where
both name patients and the two cannot be true together, the audit is told.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
from loky import cpu_count

from medcnn.data.manifest import DOUBTED
from medcnn.data.patients import placeholders
from medcnn.errors import ImageError
from medcnn.files.identifiers import plain_identifiers
from medcnn.io.array import split_fragment
from medcnn.io.dicom import read_facts
from medcnn.io.names import is_dicom_name
from medcnn.io.workers import in_processes

Paths = tuple[str, ...]

COLUMNS = ("patient_id", "study_id", "view", "sex", "age", "date", "laterality")
IDENTITY = ("patient_id", "study_id")

SERIAL_FILES = 2000
"""Below so many headers, at half a millisecond each, starting processes costs more than it saves."""
CHUNK = 250


def header_facts(path: Path) -> dict[str, object] | None:
    """Return what a DICOM header says of patient, study, view, sex, age (years), date and side.

    A fact that the header lacks is left out; None means that there is no readable header.
    """
    try:
        _, facts = read_facts(path)
    except ImageError:
        return None
    found = {name: getattr(facts, name) for name in COLUMNS}
    return {name: value for name, value in found.items() if value not in ("", None)}


def header_table(paths: pd.Series, *, workers: int | None = None) -> pd.DataFrame:
    """Return the facts of many DICOM headers, one row a path, with the paths' index.

    An unreadable header leaves its row empty: the image itself is reported when it is decoded.

    Args:
        paths: Files; what is not DICOM by its name leaves its row empty.
        workers: Processes; None is one a core where there are ``SERIAL_FILES``.
    """
    files = paths.tolist()
    chosen = [
        path
        for path in files
        if is_dicom_name(os.path.basename(path))  # noqa: PTH119  a million of them
        and not split_fragment(path)[1]
    ]
    if not chosen:
        return pd.DataFrame(index=paths.index)
    if workers is None:
        workers = int(cpu_count()) if len(chosen) >= SERIAL_FILES else 0
    chunks = [tuple(chosen[at : at + CHUNK]) for at in range(0, len(chosen), CHUNK)]
    done = in_processes(
        _read,
        chunks,
        workers=workers,
        apart=lambda paths: [(path,) for path in paths],
        crashed=_nothing,
    )
    facts = dict(pair for _, found in done for pair in found)
    return pd.DataFrame([facts.get(path, {}) for path in files], index=paths.index)


def _read(paths: Paths) -> list[tuple[str, dict[str, object]]]:
    return [(path, header_facts(Path(path)) or {}) for path in paths]


def _nothing(paths: Paths) -> list[tuple[str, dict[str, object]]]:
    return [(path, {}) for path in paths]


def with_headers(table: pd.DataFrame, *, identity: bool = True) -> pd.DataFrame:
    """Return the rows with what their headers say where the table says nothing.

    Args:
        table: Rows with ``path``.
        identity: Whether patients and studies of the header are true ones; releases put the name
            of the image there.
    """
    found = header_table(table["path"].fillna("").astype(str))
    if not identity:
        found = found.drop(columns=list(IDENTITY), errors="ignore")
    if found.columns.empty:
        return table
    for name in IDENTITY:
        if name in found:
            found[name] = plain_identifiers(found[name])
    doubted: dict[str, pd.Series] = {}
    if "patient_id" in table and "patient_id" in found:
        found["patient_id"], numbers = _agreed(plain_identifiers(table["patient_id"]), found)
        doubted = {} if numbers is None else {DOUBTED: numbers}
    filled = {
        str(name): _filled(table[name], column) if name in table else column
        for name, column in found.items()
    }
    return table.assign(**filled, **doubted)


def _filled(column: pd.Series, found: pd.Series) -> pd.Series:
    empty = column.isna() | column.astype(str).str.strip().eq("")
    return column.where(~empty, found.astype(object)) if empty.any() else column


def _agreed(said: pd.Series, found: pd.DataFrame) -> tuple[pd.Series, pd.Series | None]:
    """Return the header's patients by the table's names, and numbers of those with several of them."""
    header = found["patient_id"]
    header = header.mask(header.isin(placeholders(header)))
    names = said.groupby(header)
    many = names.nunique()
    one = names.first()[many == 1]
    known = header.map(one).fillna(header)
    several = many.index[many > 1]
    if not len(several):
        return known, None
    number = {name: str(place + 1) for place, name in enumerate(several)}
    return known, header.map(number)
