"""Paths that a table lists, as its author meant them: of another system, or without a suffix."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd

from medcnn.io.array import split_fragment
from medcnn.io.names import says_image

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def listed_paths(column: pd.Series, folder: Path) -> pd.Series:
    """Return absolute paths; relative ones start at ``folder``, missing cells stay missing.

    A path whose file is there is taken as it stands. Else blanks and quotes around it, ``file://``,
    ``~``, backslashes, another Unicode form or other capitals are tried, and a name without a suffix
    is that of the one image which begins with it. What is found in no way stays as it is.

    Args:
        column: The cells.
        folder: The folder of the table.
    """
    place = folder.resolve()
    names = cache(_names_in)
    found = [
        None if pd.isna(cell) else _resolved(str(cell), place, names) for cell in column.tolist()
    ]
    return pd.Series(found, column.index, dtype="str")


def _names_in(folder: str) -> dict[str, list[str]]:
    """Return the names in a folder by how they are compared, with and without their suffix."""
    try:
        here = os.listdir(folder)  # noqa: PTH208  names alone: a folder may hold a million
    except OSError:
        return {}
    known: dict[str, list[str]] = {}
    for name in here:
        known.setdefault(_folded(name), []).append(name)
        if says_image(name):
            known.setdefault(_folded(Path(name).stem) + "/", []).append(name)
    return known


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _resolved(cell: str, place: Path, names: Callable[[str], dict[str, list[str]]]) -> str:
    file, fragment = split_fragment(cell)
    there = _there(file, place, names)
    return f"{there}#{fragment}" if fragment else there


def _there(cell: str, place: Path, names: Callable[[str], dict[str, list[str]]]) -> str:
    as_it_stands = str(place / cell)
    if os.path.exists(as_it_stands):  # noqa: PTH110  a million of them
        return as_it_stands
    bare = cell.strip().strip("\"'").strip().removeprefix("file://")
    tried = [bare] if "\\" not in bare else [bare, bare.replace("\\", "/")]
    for text in tried:
        path = place / Path(text).expanduser()
        if path.exists():
            return str(path)
        near = names(str(path.parent))
        # A suffix that the table lacks is looked for last: "scan.1" may be the whole name.
        for key in (_folded(path.name), _folded(path.name) + "/"):
            if len(near.get(key, ())) == 1:
                return str(path.parent / near[key][0])
    return str(place / Path(tried[-1]).expanduser()) if not _DRIVE.match(bare) else bare
