"""NumPy archives (``.npz``) as arrays; no code in them is unpickled."""

from __future__ import annotations

import pickle
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from medcnn.files.plain import REMEDY, damaged

T = TypeVar("T")
ARCHIVE_ERRORS = (
    *(OSError, ValueError, LookupError, EOFError, MemoryError, RuntimeError, TypeError),
    *(AttributeError, AssertionError, ImportError, OverflowError, SyntaxError),
    *(struct.error, zlib.error, zipfile.BadZipFile, tokenize.TokenError, pickle.UnpicklingError),
)
"""What NumPy, torch and zipfile raise on damaged or hostile archives; none of it runs their code."""


def read_arrays(
    path: Path,
    *,
    most_bytes: int,
    expected: str,
    what: str = "archive",
    remedy: str = REMEDY,
) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an archive by their names, once their sizes have proved sound.

    Args:
        path: The file.
        most_bytes: What all arrays together may unfold to.
        expected: What the archive should hold.
        what: What to call it where it is not there.
        remedy: What to do about an absent or damaged one.

    Raises:
        DataError: If there is no such archive, it is damaged, or it unfolds to more.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > most_bytes:
            raise ValueError(f"arrays of {size:,} bytes")
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except ARCHIVE_ERRORS as error:
        raise damaged(path, "archive of arrays", expected, error, what, remedy) from error


def packed(record: Any, prefix: str = "") -> dict[str, npt.NDArray[Any]]:
    """Return the fields of a dataclass as plain arrays; those of one in it as ``field.name``."""
    found: dict[str, npt.NDArray[Any]] = {}
    for field in fields(record):
        held, name = getattr(record, field.name), prefix + field.name
        found |= packed(held, f"{name}.") if is_dataclass(held) else {name: np.asarray(held)}
    return found


def unpacked(kind: type[T], arrays: Mapping[str, npt.NDArray[Any]], prefix: str = "") -> T:
    """Return the dataclass that ``packed`` described: arrays, numbers, texts, and tuples of texts.

    Raises:
        LookupError: If one is missing; TypeError and ValueError: if one is of another kind.
    """
    values: dict[str, Any] = {}
    for name, hint in get_type_hints(kind).items():
        if is_dataclass(hint):
            values[name] = unpacked(cast("type[Any]", hint), arrays, f"{prefix}{name}.")
            continue
        array = arrays[prefix + name]
        if hint in (str, int, float):
            values[name] = hint(array)
        else:
            values[name] = tuple(map(str, array)) if get_origin(hint) is tuple else array
    return kind(**values)
