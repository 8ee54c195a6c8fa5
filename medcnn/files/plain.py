"""JSON files as plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from medcnn.errors import DataError

REMEDY = "restore it from a copy, or make it again"
"""What to do about a damaged file where its owner knows nothing better."""


def read_json(path: Path, *, what: str = "JSON file", remedy: str = REMEDY) -> Any:
    """Return the JSON value in ``path``; NaN and infinities are no JSON (RFC 8259, 6).

    Args:
        path: The file.
        what: What to call it where it is not there.
        remedy: What to do about a file that is absent or damaged.

    Raises:
        DataError: If there is no such file, or it is not JSON in UTF-8.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, "JSON file", "JSON in UTF-8", error, what, remedy) from error


def read_object(path: Path, *, what: str = "JSON file", remedy: str = REMEDY) -> dict[str, Any]:
    """Return the JSON object in ``path``, as ``read_json`` does.

    Raises:
        DataError: If there is no such file, it is not JSON, or its value is not an object.
    """
    value = read_json(path, what=what, remedy=remedy)
    if not isinstance(value, dict):
        found = f"a {type(value).__name__}"
        raise damaged(path, "JSON file", "keys and values", found, what, remedy)
    return value


def as_object(value: object, what: str) -> Mapping[str, Any]:
    """Return a JSON value that has to be an object.

    Args:
        value: The value, as it was read.
        what: What it records, for the error.

    Raises:
        DataError: If it is none.
    """
    if isinstance(value, Mapping):
        return value
    raise DataError(
        f"The recorded {what} cannot be read.",
        expected="an object of keys and values",
        found=repr(value)[:80],
        remedy=REMEDY,
    )


def damaged(
    path: Path, kind: str, expected: str, found: object, what: str = "", remedy: str = REMEDY
) -> DataError:
    """Return the error of a file that is absent or damaged.

    Args:
        path: The file.
        kind: The kind of file, such as ``CSV file``.
        expected: What it should hold.
        found: What it holds instead, or the error that reading it ended in.
        what: What to call the file where it is not there; its kind if empty.
        remedy: What to do about it.
    """
    if isinstance(found, FileNotFoundError):
        return DataError(f"There is no {what or kind} {path}.", expected=expected, remedy=remedy)
    if isinstance(found, DataError):
        found = f"{found.problem.removesuffix('.')}: {found.found}"
    shown = f"{type(found).__name__}: {found}" if isinstance(found, BaseException) else str(found)
    return DataError(
        f"{path} is not a readable {kind}.",
        expected=expected,
        found=" ".join(shown.split())[:300],
        remedy=remedy,
    )


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")
