"""The files of the cache: segments of images that appear whole, by a rename, or never.

A segment is ``<name>.npy`` (N×S×S pixels) and ``<name>.npz``, which is written last and makes the
segment valid: the content key and the checksum of each image, a JSON text of its facts, and the
links from file identities to content keys that were learnt beside it. Names are random, so that two
builders never write the same file.
"""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medcnn.data.cache.key import Keys, as_keys
from medcnn.files.arrays import ARCHIVE_ERRORS
from medcnn.run.directory import atomic_path

Pixels = npt.NDArray[np.unsignedinteger[Any]]
"""N×S×S grey values, uint8 or uint16."""


@dataclass(frozen=True)
class Index:
    """Where every image of a profile stands, and which file identities lead to it.

    Attributes:
        segments: Names of the valid segments.
        keys: Content key of each stored image, sorted.
        segment: For each key, the position of its segment in ``segments``.
        slot: For each key, its position within the segment.
        checksum: For each key, the CRC-32 of the image.
        files: File identities, sorted.
        targets: For each file identity, its content key.
    """

    segments: tuple[str, ...]
    keys: Keys
    segment: npt.NDArray[np.int32]
    slot: npt.NDArray[np.int32]
    checksum: npt.NDArray[np.uint32]
    files: Keys
    targets: Keys


def write_segment(
    folder: Path,
    *,
    pixels: Pixels,
    keys: Keys,
    facts: Sequence[Mapping[str, object]],
    files: Keys,
    targets: Keys,
) -> str:
    """Write a segment, its pixels first and the index that makes it valid last; return its name."""
    name = uuid.uuid4().hex
    if len(pixels):
        with atomic_path(folder / f"{name}.npy") as temporary, temporary.open("wb") as stream:
            # np.save would tell of a full disk in words of its own, without the number of the error.
            header = np.lib.format.header_data_from_array_1_0(pixels)
            np.lib.format.write_array_header_1_0(stream, header)
            stream.write(np.ascontiguousarray(pixels).data)
    with atomic_path(folder / f"{name}.npz") as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            keys=keys,
            checksum=np.array([checksum(image) for image in pixels], np.uint32),
            facts=np.frombuffer(json.dumps(list(facts)).encode(), np.uint8),
            files=files,
            targets=targets,
        )
    return name


def checksum(image: Pixels) -> int:
    """Return the CRC-32 of an image's bytes."""
    return zlib.crc32(np.ascontiguousarray(image).data)


def load_index(folder: Path, shape: tuple[int, int], dtype: str) -> Index:
    """Return the index of all valid segments of a profile's folder.

    A segment whose files are damaged or of the wrong length is left out, so that it is built again.
    """
    names: list[str] = []
    parts: list[tuple[npt.NDArray[Any], ...]] = []
    for file in sorted(folder.glob("*.npz")):
        if file.name.startswith("."):
            continue
        part = _read_part(file, shape, dtype)
        if part is not None:
            parts.append((*part, np.full(len(part[0]), len(names), np.int32)))
            names.append(file.stem)
    if not parts:
        none = as_keys(b"")
        rows = np.zeros(0, np.int32)
        return Index((), none, rows, rows, np.zeros(0, np.uint32), none, none)
    keys, checksums, files, targets, segment = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    slot = np.concatenate([np.arange(len(part[0]), dtype=np.int32) for part in parts])
    order, linked = np.argsort(keys, kind="stable"), np.argsort(files, kind="stable")
    return Index(
        tuple(names),
        keys[order],
        segment[order],
        slot[order],
        checksums[order],
        files[linked],
        targets[linked],
    )


def _read_part(
    file: Path, shape: tuple[int, int], dtype: str
) -> tuple[npt.NDArray[Any], ...] | None:
    try:
        with np.load(file) as part:
            arrays = tuple(part[name] for name in ("keys", "checksum", "files", "targets"))
    except ARCHIVE_ERRORS:
        return None
    pixels = file.with_suffix(".npy")
    if len(arrays[0]):
        expected = len(arrays[0]) * shape[0] * shape[1] * np.dtype(dtype).itemsize
        if not pixels.is_file() or pixels.stat().st_size != expected + NPY_HEADER:
            return None
    return arrays


NPY_HEADER = 128
"""Length of the header that NumPy writes before arrays of such short shapes."""


def read_facts(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the facts of a segment's images."""
    with np.load(folder / f"{name}.npz") as part:
        facts: list[dict[str, Any]] = json.loads(part["facts"].tobytes())
    return facts


def find(keys: Keys, wanted: Keys) -> npt.NDArray[np.int64]:
    """Return the position of each wanted key among the sorted ``keys``, -1 where it is absent."""
    if not len(keys):
        return np.full(len(wanted), -1, np.int64)
    position = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[position] == wanted, position, -1)
