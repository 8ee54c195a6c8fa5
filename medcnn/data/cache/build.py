"""Filling the cache: chunks of files become segments, in parallel, in bounded memory.

A worker hashes the files of its chunk, decodes those that no segment holds yet, writes one segment
and sends back only what went wrong. A chunk is complete or absent, so that a build killed at any
moment goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medcnn.data.cache.key import Keys, Profile, as_keys, content_keys
from medcnn.data.cache.read import read_for_cache
from medcnn.data.cache.store import find, write_segment
from medcnn.errors import ImageError
from medcnn.io.workers import in_processes

SEGMENT_BYTES = 32 * 2**20
MAX_CHUNK = 2048
TRIAL_ROWS = 32
"""Files that are decoded in this process first, to see how long one takes."""
START_SECONDS = 2.0
"""What it takes to start worker processes: they import the decoders."""


@dataclass(frozen=True)
class Chunk:
    """The files of one segment.

    Attributes:
        rows: Rows of the table.
        paths: Their paths.
        files: Their file identities, one after the other.
    """

    rows: tuple[int, ...]
    paths: tuple[str, ...]
    files: bytes


@dataclass(frozen=True)
class Problem:
    """A file that did not end as pixels: its row of the table, a stable word and a sentence."""

    row: int
    kind: str
    text: str


def chunk_length(profile: Profile, pending: int, workers: int) -> int:
    """Return how many images a segment takes: at most 32 MiB, and enough chunks for all workers."""
    image = profile.size**2 * np.dtype(profile.dtype).itemsize
    fitting = min(max(SEGMENT_BYTES // image, 16), MAX_CHUNK)
    shared = -(-pending // (4 * workers))
    return max(min(fitting, shared), min(16, fitting))


def worth_workers(seconds: float, done: int, pending: int) -> bool:
    """Return whether what is pending takes longer than starting processes, and twice as long.

    >>> worth_workers(seconds=0.03, done=32, pending=3000)
    False
    >>> worth_workers(seconds=3.0, done=32, pending=3000)
    True
    """
    return seconds / max(done, 1) * pending > 2 * START_SECONDS


def build_chunk(chunk: Chunk, folder: Path, profile: Profile, known: Keys) -> list[Problem]:
    """Decode what is new in a chunk, write it as one segment and return what could not be read."""
    problems: list[Problem] = []
    hashed, keys = _hash(chunk, problems)
    pixels = np.empty((len(hashed), profile.size, profile.size), profile.dtype)
    facts: list[dict[str, Any]] = []
    stored: dict[bytes, None] = {}
    good = np.zeros(len(chunk.paths), bool)
    already = find(known, keys) >= 0
    for position, key, present in zip(hashed, keys.tolist(), already, strict=True):
        if not present and key not in stored:
            try:
                image, fact = read_for_cache(chunk.paths[position], profile)
            except ImageError as error:
                problems.append(Problem(chunk.rows[position], error.kind, str(error)))
                continue
            pixels[len(stored)] = image
            facts.append(fact)
            stored[key] = None
        good[position] = True
    kept = good[hashed]
    write_segment(
        folder,
        pixels=pixels[: len(stored)],
        keys=np.array(list(stored), keys.dtype),
        facts=facts,
        files=as_keys(chunk.files)[np.asarray(hashed, int)[kept]],
        targets=keys[kept],
    )
    return problems


def _hash(chunk: Chunk, problems: list[Problem]) -> tuple[list[int], Keys]:
    try:
        return list(range(len(chunk.paths))), content_keys(chunk.paths)
    except OSError:
        hashed, keys = [], []
        for position, path in enumerate(chunk.paths):
            try:
                keys.append(content_keys([path]))
            except OSError as error:
                problems.append(Problem(chunk.rows[position], "unreadable_file", str(error)))
            else:
                hashed.append(position)
        return hashed, np.concatenate([as_keys(b""), *keys])


def build(
    rows: Sequence[int],
    paths: Sequence[str],
    files: Keys,
    *,
    folder: Path,
    profile: Profile,
    known: Keys,
    workers: int,
    advance: Callable[[int], None],
) -> list[Problem]:
    """Build rows of a table in chunks, here where ``workers`` is 0, and return all problems.

    A decoder that takes its worker process down with it costs the file that it was given: the
    chunks under way are repeated one file at a time, and the culprit is reported as ``crashed``.
    """
    length = chunk_length(profile, len(rows), max(workers, 1))
    done = in_processes(
        _work,
        make_chunks(rows, paths, files, length),
        workers=workers,
        apart=_apart,
        crashed=_crashed,
        start=(_start, ((folder, profile, known),)),
    )
    problems: list[Problem] = []
    for chunk, found in done:
        problems += found
        advance(len(chunk.rows))
    return problems


_context: tuple[Path, Profile, Keys]


def _start(context: tuple[Path, Profile, Keys]) -> None:
    global _context  # noqa: PLW0603  a worker process has one job, given once
    _context = context


def _work(chunk: Chunk) -> list[Problem]:
    return build_chunk(chunk, *_context)


def _apart(chunk: Chunk) -> Iterator[Chunk]:
    files = as_keys(chunk.files)
    for at, (row, path) in enumerate(zip(chunk.rows, chunk.paths, strict=True)):
        yield Chunk((row,), (path,), files[at : at + 1].tobytes())


def _crashed(chunk: Chunk) -> list[Problem]:
    (row,), (path,) = chunk.rows, chunk.paths
    return [Problem(row, "crashed", f"{path}: the decoder crashed; the file was left out")]


def make_chunks(
    rows: Sequence[int], paths: Sequence[str], files: Keys, length: int
) -> Iterator[Chunk]:
    """Yield the pending rows in chunks of ``length``, made one at a time."""
    for start in range(0, len(rows), length):
        taken = rows[start : start + length]
        yield Chunk(
            tuple(int(row) for row in taken),
            tuple(paths[row] for row in taken),
            files[np.asarray(taken)].tobytes(),
        )
