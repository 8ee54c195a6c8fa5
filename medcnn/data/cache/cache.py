"""The image cache: every image decoded and resized once.

``build_cache`` takes the rows of a manifest and returns an ``ImageCache`` in its row order. A
folder of the cache holds the images of all data sets that were read in the same way (size, dtype,
exactness, version of the reader), so that folds, subsets and unions of data sets share images.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from filelock import FileLock, Timeout
from loky import cpu_count

from medcnn.console import ERRORS, progress_bars
from medcnn.data.cache.build import (
    TRIAL_ROWS,
    Problem,
    build,
    worth_workers,
)
from medcnn.data.cache.images import ImageCache, Unreadable
from medcnn.data.cache.key import Profile, make_profile, stat_keys
from medcnn.data.cache.store import Index, find, load_index
from medcnn.errors import DataError


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
        ConfigError: If the dtype cannot be cached.
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
                of_rows = partial(build, paths=paths, files=files, folder=folder, profile=profile)
                building = partial(of_rows, known=index.keys, advance=advance)
                problems += _fill(building, pending, workers)
            index = _load(folder, profile)
    identifiers = table["image_id"].astype(str).to_numpy()
    where = _locate(index, files)
    cache = ImageCache(folder, profile, index, where, identifiers, _report(problems, table))
    if len(table) and not cache.readable.any():
        raise DataError(
            f"None of the {len(table)} images can be read.",
            expected="DICOM, PNG, JPEG, TIFF or BMP files",
            found=cache.unreadable[0]["problem"] if cache.unreadable else "no pixels",
            remedy="run `medcnn doctor` on the folder"
            if exists.any()
            else "check where the paths start; of data=manifest, data.images=FOLDER says it",
        )
    return cache


def _load(folder: Path, profile: Profile) -> Index:
    return load_index(folder, (profile.size, profile.size), profile.dtype)


def _locate(index: Index, files: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int64]:
    """Return the position of each file's image in the index, -1 where it is not there."""
    linked = find(index.files, files)
    where = np.full(len(files), -1, np.int64)
    known = linked >= 0
    where[known] = find(index.keys, index.targets[linked[known]])
    return where


def _fill(
    build_rows: Callable[..., list[Problem]], pending: Sequence[int], workers: int | None
) -> list[Problem]:
    """Build what is pending; without a number of workers, a few files tell whether any are worth it."""
    if workers is not None:
        return build_rows(pending, workers=workers if workers > 1 else 0)
    start = time.perf_counter()
    problems = build_rows(pending[:TRIAL_ROWS], workers=0)
    rest = pending[TRIAL_ROWS:]
    worth = worth_workers(time.perf_counter() - start, TRIAL_ROWS, len(rest))
    cores = int(cpu_count()) if worth else 1
    return problems + build_rows(rest, workers=cores if cores > 1 else 0)


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
            ERRORS.print("Waiting for another run that fills the same image cache …")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _progress_bar(total: int, size: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    with progress_bars(shown=shown, leave=True) as bar:
        task = bar.add_task(f"Decoding images to {size}×{size}", total=total)
        yield lambda count: bar.advance(task, count)
