"""What a cached image is keyed by: the bytes of its file and everything that makes the pixels.

As in Git's index, a file whose path, size and times are unchanged is taken to have unchanged bytes,
so that finding a million known images costs a million ``stat`` calls and no reading. Any other file
is read and hashed: one that was moved, copied or touched is recognised and not decoded again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medcnn.errors import ConfigError
from medcnn.io.array import split_fragment
from medcnn.io.reading import READER_VERSION

KEY_BYTES = 16
LAYOUT = 2
DECODERS = ("opencv-python-headless", "pillow", "pydicom")

Keys = npt.NDArray[np.bytes_]
"""N keys of 16 bytes, dtype ``S16``: NumPy sorts and compares them by their bytes."""


@dataclass(frozen=True)
class Profile:
    """Everything beside the file's bytes that changes the cached pixels.

    Attributes:
        size: Height and width of the cached image in pixels.
        dtype: ``uint8`` or ``uint16``.
        exact: Whether decoders must work at full resolution.
        reader: The declared version of the reader, and those of its decoders.
        layout: Version of the files of the cache.
    """

    size: int
    dtype: str
    exact: bool
    reader: str
    layout: int = LAYOUT

    @property
    def name(self) -> str:
        """The name of the profile's folder."""
        text = json.dumps(asdict(self), sort_keys=True)
        digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return f"{self.size}px-{self.dtype}{'-exact' if self.exact else ''}-{digest}"


def make_profile(*, size: int, dtype: str, exact: bool) -> Profile:
    """Return the profile of this installation.

    Raises:
        ConfigError: If the dtype cannot be cached.
    """
    if dtype not in ("uint8", "uint16"):
        raise ConfigError(
            f"The cache cannot hold {dtype}.",
            expected="uint8 or uint16",
            found=dtype,
            remedy="use uint8 unless the task needs more than 256 grey levels",
        )
    return Profile(size=size, dtype=dtype, exact=exact, reader=_reader())


@cache
def _reader() -> str:
    versions = (f"{name}={importlib.metadata.version(name)}" for name in DECODERS)
    return ";".join((f"medcnn.io={READER_VERSION}", *versions))


def stat_keys(paths: Sequence[str]) -> tuple[Keys, npt.NDArray[np.bool_]]:
    """Return a key of path, size, modification and change time for each path, and which are files."""
    seen: dict[str, bytes | None] = {}
    keys = bytearray()
    exists = np.zeros(len(paths), bool)
    for row, path in enumerate(paths):
        file, fragment = split_fragment(path)
        if file not in seen or not fragment:
            seen = {file: _identity(file)} if fragment else {}
        identity = seen[file] if fragment else _identity(file)
        exists[row] = identity is not None
        keys += _digest((identity or b"") + b"#" + fragment.encode())
    return as_keys(bytes(keys)), exists


def _identity(file: str) -> bytes | None:
    try:
        status = os.stat(file)  # noqa: PTH116  a million Path objects take seconds
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    times = f"\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}"
    return os.path.abspath(file).encode(errors="surrogateescape") + times.encode()  # noqa: PTH100


def content_keys(paths: Sequence[str]) -> Keys:
    """Return a key of the file's bytes and the fragment for each path.

    Raises:
        OSError: If a file cannot be read.
    """
    last_file, last_digest = "", b""
    keys = bytearray()
    for path in paths:
        file, fragment = split_fragment(path)
        if file != last_file or not last_digest:
            with Path(file).open("rb") as stream:
                last_digest = hashlib.file_digest(stream, _blake2b).digest()
            last_file = file
        keys += _digest(last_digest + fragment.encode()) if fragment else last_digest
    return as_keys(bytes(keys))


def as_keys(data: bytes) -> Keys:
    """Return the keys that stand one after the other in ``data``."""
    return np.frombuffer(data, dtype=f"S{KEY_BYTES}")


def _blake2b() -> hashlib._Hash:
    return hashlib.blake2b(digest_size=KEY_BYTES)  # type: ignore[return-value]


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=KEY_BYTES).digest()
