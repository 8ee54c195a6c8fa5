"""Files that no manifest names: a file or a folder, read one by one for prediction."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medcnn.errors import DataError, ImageError
from medcnn.io import Facts, read_image_resized
from medcnn.io.choice import CLOSED, Entry, counted, walk
from medcnn.io.workers import in_processes

Chunk = tuple[Path, ...]

SERIAL_FILES = 64
"""Below so many files, starting worker processes costs more than it saves."""
CHUNK = 8
"""Files that a worker reads at a time: a megabyte of pixels at most goes between processes."""


@dataclass(frozen=True)
class Reading:
    """One file: its pixels and facts, or the error that it ended in."""

    path: Path
    pixels: npt.NDArray[np.uint8] | None
    facts: Facts | None
    error: ImageError | None


@dataclass(frozen=True)
class Listing:
    """The files at a place, in numbers.

    Attributes:
        images: How many images ``walk_images`` yields.
        left_out: How many files are no images, by reason; hidden ones are in neither number.
        digest: SHA-256 of the images' names, in order.
    """

    images: int
    left_out: Counter[str]
    digest: str


def find_images(path: Path) -> list[Path]:
    """Return the image files at ``path``, recursively and sorted; hidden files are left out.

    Raises:
        DataError: If nothing is there.
    """
    found = list(walk_images(path))
    if not found:
        raise nothing_in(path)
    return found


def walk_images(path: Path) -> Iterator[Path]:
    """Yield the image files at ``path`` by the one rule (``medcnn.io.choice``), in the same order.

    What is in memory is the names of one folder and its neighbours. A file is yielded whatever it is
    called, and a folder that cannot be listed is yielded itself.
    """
    if not path.is_dir():
        if path.exists():
            yield path
        return
    for entry in walk(path):
        if entry.reason in ("", CLOSED):
            yield entry.path


def list_files(path: Path) -> Listing:
    """Return how many images there are at ``path``, what is left out, and the hash of the names."""
    images, left_out, names = 0, Counter[str](), hashlib.sha256()
    alone = [Entry(path)] if path.exists() else []
    for entry in walk(path) if path.is_dir() else alone:
        if entry.reason not in ("", CLOSED):
            left_out[entry.reason] += 1
            continue
        images += 1
        names.update(name_of(entry.path, path).encode() + b"\n")
    return Listing(images, left_out, names.hexdigest())


def name_of(path: Path, root: Path) -> str:
    """Return how the table calls a file: relative to the folder; bytes that are no text escaped."""
    return one_line(str(path.relative_to(root) if path != root else path.name))


def one_line(text: str) -> str:
    """Return a text that any table can hold: one line, without bytes that are no text."""
    printable = text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", " ")
    lines = (line.strip() for line in printable.splitlines())
    return "; ".join(line for line in lines if line)


def nothing_in(path: Path) -> DataError:
    """Return the error for a place without images."""
    left_out = list_files(path).left_out
    return DataError(
        f"There are no images in {path}.",
        expected="a file, or a folder with DICOM, PNG, JPEG, TIFF or BMP files",
        found="no such folder" if not path.exists() else counted(left_out) or "no files",
        remedy="check input=",
    )


def read_files(
    paths: Iterable[Path], size: int, *, exact: bool, workers: int = 0
) -> Generator[Reading, None, None]:
    """Yield each file, in order, as ``size``×``size`` pixels or with the reason why not.

    Whatever a file makes a decoder do, it costs that file alone: with worker processes even one that
    takes its process down with it.

    Args:
        paths: The files; they are taken as they are needed.
        size: Pixels a side.
        exact: Whether every file is decoded at full resolution.
        workers: Processes that read; 0 and few files are read in this process.
    """
    rest = iter(paths)
    if workers:
        first = list(islice(rest, SERIAL_FILES))
        if len(first) == SERIAL_FILES:
            yield from _read_parallel(chain(first, rest), size, exact, workers)
            return
        rest = iter(first)
    for path in rest:
        yield read_one(path, size, exact)


def read_one(path: Path, size: int, exact: bool) -> Reading:
    """Return the reading of one file, whatever the file is."""
    try:
        pixels, facts = read_image_resized(path, size, exact=exact)
    except ImageError as error:
        if not path.is_dir():
            return _failed(error, path)
        text, expected = "is a folder whose files cannot be listed", "permission to read it"
        kind = "unreadable_folder"
        return _failed(ImageError(path, text, kind=kind, expected=expected), path)
    except MemoryError:
        return _failed(ImageError(path, "does not fit into the memory", kind="too_large"), path)
    except Exception as fault:  # noqa: BLE001  one file, whatever is in it, never stops ten thousand
        text = f"makes the reader fail: {type(fault).__name__}: {fault}"[:300]
        remedy = "medcnn doctor says more of it"
        return _failed(ImageError(path, text, kind="unforeseen", remedy=remedy), path)
    return Reading(path, pixels, facts, None)


def _failed(error: ImageError, path: Path) -> Reading:
    return Reading(path, None, None, error)


def _read_chunk(paths: Chunk, *, size: int, exact: bool) -> list[Reading]:
    return [read_one(path, size, exact) for path in paths]


def _read_parallel(
    paths: Iterator[Path], size: int, exact: bool, workers: int
) -> Iterator[Reading]:
    done = in_processes(
        partial(_read_chunk, size=size, exact=exact),
        iter(lambda: tuple(islice(paths, CHUNK)), ()),
        workers=workers,
        apart=lambda paths: [(path,) for path in paths],
        crashed=_crashed,
    )
    for _, readings in done:
        yield from readings


def _crashed(paths: Chunk) -> list[Reading]:
    return [
        _failed(ImageError(path, "makes the decoder crash", kind="crashed"), path) for path in paths
    ]
