"""NumPy archives (``.npz``) as arrays; no code in them is unpickled."""

from __future__ import annotations

import pickle
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medcnn.files.plain import REMEDY, damaged

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
