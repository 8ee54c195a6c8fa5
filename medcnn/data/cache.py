"""The image cache: every image decoded and resized once, then mapped into memory.

``build_cache`` takes the rows of a manifest and returns an ``ImageCache`` in its row order. A
folder of the cache holds the images of all data sets that were read in the same way (size, dtype,
exactness, version of the reader), so that folds, subsets and unions of data sets share images.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from medcnn.data.cache_build import (
    TRIAL_ROWS,
    Problem,
    build,
    chunk_length,
    make_chunks,
    worth_workers,
)
from medcnn.data.cache_key import Keys, Profile, make_profile, stat_keys
from medcnn.data.cache_read import KEPT_FACTS
from medcnn.data.cache_store import Index, Pixels, checksum, find, load_index, read_facts
from medcnn.errors import DataError

Unreadable = dict[str, str]
"""``image_id``, ``path``, ``kind`` and ``problem`` of a file that did not end as pixels."""


def default_root() -> Path:
    """Return the folder of the cache: ``MEDCNN_CACHE``, else ``~/.cache/medcnn/images``."""
    given = os.environ.get("MEDCNN_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "medcnn" / "images"


def build_cache(
    table: pd.DataFrame,
    *,
    size: int,
    root: Path | None = None,
    exact: bool = False,
    workers: int | None = None,
    progress: bool = True,
    dtype: str = "uint8",
) -> ImageCache:
    """Decode and resize what is not in the cache yet and return the images of ``table``.

    Args:
        table: Rows with ``image_id`` and ``path``; a path may be ``FILE.npz#name/12``.
        size: Height and width of the cached images in pixels.
        root: Folder of the cache; None is ``default_root()``.
        exact: Whether decoders must work at full resolution.
        workers: Processes that decode; None is one a core where they are worth their start, 0 or 1
            is this process.
        progress: Whether to show a progress bar on stderr.
        dtype: ``uint8`` or ``uint16``.

    Raises:
        ConfigError: If the size or the dtype cannot be cached.
        DataError: If no image at all is readable.
    """
    profile = make_profile(size=size, dtype=dtype, exact=exact)
    folder = (root or default_root()) / profile.name
    folder.mkdir(parents=True, exist_ok=True)
    paths = table["path"].astype(str).tolist()
    files, exists = stat_keys(paths)
    index = _load(folder, profile)
    problems = [
        Problem(int(row), "no_file", f"{paths[row]}: there is no such file")
        for row in np.flatnonzero(~exists)
    ]
    if (exists & (_locate(index, files) < 0)).any():
        with _lock(folder, progress):
            index = _load(folder, profile)
            pending = np.flatnonzero(exists & (_locate(index, files) < 0)).tolist()
            with _progress_bar(len(pending), size, shown=progress) as advance:
                problems += _fill(
                    _Job(folder, profile, index.keys, paths, files), pending, workers, advance
                )
            index = _load(folder, profile)
    identifiers = table["image_id"].astype(str).to_numpy()
    where = _locate(index, files)
    cache = ImageCache(folder, profile, index, where, identifiers, _report(problems, table))
    if len(table) and not cache.readable.any():
        raise DataError(
            f"None of the {len(table)} images can be read.",
            expected="DICOM, PNG or JPEG files",
            found=cache.unreadable[0]["problem"] if cache.unreadable else "no pixels",
            remedy="run `medcnn doctor` on the folder",
        )
    return cache


class ImageCache:
    """Images of a table, mapped into memory; picklable at the cost of its row numbers.

    Attributes:
        folder: Where the segments lie.
        profile: Size, dtype and reader of the images.
        unreadable: The files that did not end as pixels.
    """

    def __init__(
        self,
        folder: Path,
        profile: Profile,
        index: Index,
        where: npt.NDArray[np.int64],
        identifiers: npt.NDArray[np.object_],
        unreadable: Sequence[Unreadable] = (),
    ) -> None:
        self.folder, self.profile, self.unreadable = folder, profile, list(unreadable)
        self._segments = index.segments
        self._identifiers = identifiers
        found = where >= 0
        safe = np.where(found, where, 0)
        none = np.full(len(where), -1, np.int32)
        has_any = len(index.keys) > 0
        self._segment = np.where(found, index.segment[safe], -1) if has_any else none
        self._slot = index.slot[safe] if has_any else none
        self._checksum = index.checksum[safe] if has_any else none
        self._verified = np.zeros(len(where), bool)
        self._maps: dict[int, Pixels] = {}
        self._positions: pd.Index[Any] | None = None
        self._keys = np.where(found, index.keys[safe], b"") if has_any else none
        self.digest = self.digest_of(np.arange(len(where)))

    def __len__(self) -> int:
        return len(self._segment)

    def __getstate__(self) -> dict[str, Any]:
        # A memory map would be pickled as its pixels; a worker opens the files again.
        return {**self.__dict__, "_maps": {}, "_positions": None}

    def digest_of(self, rows: npt.ArrayLike) -> str:
        """Return 32 hexadecimal digits that name the pixels of some rows, in their order."""
        keys = self._keys[np.asarray(rows, np.int64)]
        name = self.profile.name.encode()
        return hashlib.blake2b(name + keys.tobytes(), digest_size=16).hexdigest()

    @property
    def readable(self) -> npt.NDArray[np.bool_]:
        """Which rows have pixels, N."""
        return self._segment >= 0

    def rows_of(self, image_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the row of each image.

        Raises:
            DataError: If an identifier is not in the table.
        """
        if self._positions is None:
            self._positions = pd.Index(self._identifiers)
        rows = self._positions.get_indexer(pd.Index(image_ids, dtype=object))
        if (rows < 0).any():
            missing = image_ids[int(np.flatnonzero(rows < 0)[0])]
            raise DataError(
                f"The image {missing!r} is not in the cache.",
                expected="image_ids of the table that the cache was built for",
                remedy="build the cache again with the whole manifest",
            )
        return rows.astype(np.int64)

    def take(self, rows: npt.ArrayLike) -> Pixels:
        """Return the images of ``rows``, N×S×S; each is checked when this process first takes it.

        Raises:
            DataError: If a row has no pixels, or if the pixels on disk are damaged.
        """
        rows = np.asarray(rows, np.int64)
        size = self.profile.size
        images = np.empty((len(rows), size, size), self.profile.dtype)
        for image, row in zip(images, rows.tolist(), strict=True):
            segment = int(self._segment[row])
            if segment < 0:
                raise self._no_pixels(row)
            image[...] = self._map(segment)[self._slot[row]]
            if not self._verified[row]:
                self._verify(image, row)
        return images

    @property
    def facts(self) -> pd.DataFrame:
        """The kept facts of every row (kind, bits, view, warnings, …); missing where unreadable."""
        table = self.facts_of(np.arange(len(self)), KEPT_FACTS)
        return table.assign(image_id=self._identifiers)

    def facts_of(self, rows: npt.ArrayLike, names: Sequence[str]) -> pd.DataFrame:
        """Return some facts of some rows; each distinct value is held once."""
        rows = np.asarray(rows, np.int64)
        columns = {name: np.full(len(rows), None, object) for name in names}
        held: dict[str, Any] = {}
        segment, slot = self._segment[rows], self._slot[rows]
        order = np.argsort(segment, kind="stable")
        starts = np.flatnonzero(np.diff(segment[order], prepend=-1))
        for places in np.split(order, starts):
            if not len(places) or segment[places[0]] < 0:
                continue
            records = read_facts(self.folder, self._segments[segment[places[0]]])
            for place in places.tolist():
                record = records[slot[place]]
                for name, column in columns.items():
                    value = record.get(name)
                    column[place] = held.setdefault(repr(value), value)
        return pd.DataFrame(columns)

    def _map(self, segment: int) -> Pixels:
        if segment not in self._maps:
            file = self.folder / f"{self._segments[segment]}.npy"
            self._maps[segment] = np.load(file, mmap_mode="r")
        return self._maps[segment]

    def _verify(self, image: Pixels, row: int) -> None:
        if checksum(image) != int(self._checksum[row]):
            name = self._segments[int(self._segment[row])]
            (self.folder / f"{name}.npz").unlink(missing_ok=True)
            raise DataError(
                f"The cached image {self._identifiers[row]!r} is damaged on disk.",
                expected=f"CRC-32 {int(self._checksum[row]):08x} in {self.folder / name}.npy",
                found=f"{checksum(image):08x}",
                remedy="run the command again: the damaged part was dropped and will be rebuilt",
            )
        self._verified[row] = True

    def _no_pixels(self, row: int) -> DataError:
        return DataError(
            f"The image {self._identifiers[row]!r} has no pixels.",
            expected="rows whose file could be read",
            remedy="drop the rows that the cache lists as unreadable",
        )


def _load(folder: Path, profile: Profile) -> Index:
    return load_index(folder, (profile.size, profile.size), profile.dtype)


def _locate(index: Index, files: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int64]:
    """Return the position of each file's image in the index, -1 where it is not there."""
    linked = find(index.files, files)
    where = np.full(len(files), -1, np.int64)
    known = linked >= 0
    where[known] = find(index.keys, index.targets[linked[known]])
    return where


@dataclass(frozen=True)
class _Job:
    folder: Path
    profile: Profile
    known: Keys
    paths: Sequence[str]
    files: Keys

    def build(
        self, rows: Sequence[int], workers: int, advance: Callable[[int], None]
    ) -> list[Problem]:
        length = chunk_length(self.profile, len(rows), max(workers, 1))
        return build(
            make_chunks(rows, self.paths, self.files, length),
            folder=self.folder,
            profile=self.profile,
            known=self.known,
            workers=workers,
            advance=advance,
        )


def _fill(
    job: _Job, pending: Sequence[int], workers: int | None, advance: Callable[[int], None]
) -> list[Problem]:
    """Build what is pending; without a number of workers, a few files tell whether any are worth it."""
    if workers is not None:
        return job.build(pending, workers if workers > 1 else 0, advance)
    start = time.perf_counter()
    problems = job.build(pending[:TRIAL_ROWS], 0, advance)
    rest = pending[TRIAL_ROWS:]
    if worth_workers(time.perf_counter() - start, TRIAL_ROWS, len(rest)):
        cores = os.cpu_count() or 1
        return problems + job.build(rest, cores if cores > 1 else 0, advance)
    return problems + job.build(rest, 0, advance)


def _report(problems: Sequence[Problem], table: pd.DataFrame) -> list[Unreadable]:
    ordered = sorted(problems, key=lambda problem: problem.row)
    return [
        {
            "image_id": str(table["image_id"].iloc[problem.row]),
            "path": str(table["path"].iloc[problem.row]),
            "kind": problem.kind,
            "problem": problem.text,
        }
        for problem in ordered
    ]


@contextlib.contextmanager
def _lock(folder: Path, progress: bool) -> Iterator[None]:
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if progress:
            Console(stderr=True).print("Waiting for another run that fills the same image cache …")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _progress_bar(total: int, size: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bar:
        task = bar.add_task(f"Decoding images to {size}×{size}", total=total)
        yield lambda count: bar.advance(task, count)
