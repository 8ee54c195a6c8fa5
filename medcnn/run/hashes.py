"""Hashes of what a run leaves: recorded at its end, compared whenever a file of it is read.

A checkpoint with a flipped bit, or that of another run of the same architecture, loads and predicts
like any other. What tells it apart is what the run wrote down.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from medcnn.console import warn
from medcnn.errors import DataError
from medcnn.files.hashing import sha256_of
from medcnn.run.directory import RunDir
from medcnn.run.entries import Entries, read_entries


def hashes_of(run: RunDir) -> dict[str, str]:
    """Return the SHA-256 of each file of a run, and of its members, that a later command reads.

    Members that are runs with a journal of their own, as folds are, have their hashes there.
    """
    own = {path.relative_to(run.path).as_posix(): path for path in _files(run)}
    for member in run.members:
        if not member.environment.is_file():
            own |= {path.relative_to(run.path).as_posix(): path for path in _files(member)}
    return {name: sha256_of(path) for name, path in own.items() if path.is_file()}


def checked(run: RunDir, path: Path) -> Path:
    """Return ``path``, a file of the run, once it has proved to be the one that the run recorded.

    While a run goes on nothing is recorded yet. A run of an earlier version is held to the hashes
    that it has; where it has none, that is said.

    Raises:
        DataError: If the file is another than the one recorded, is gone, or was not there then; or
            if the journal of the run is damaged.
    """
    name, entries = _spoken_of(run, path)
    if entries is not None and not entries.hashes and entries.finished is None:
        return path
    known = {} if entries is None else entries.hashes or _earlier(run, entries)
    found = sha256_of(path) if path.is_file() else None
    if name not in known and not (entries and entries.hashes):
        if found is not None:
            _tell(run.path)
        return path
    expected = known.get(name)
    if found != expected:
        raise DataError(
            f"{path} is not the file that its run recorded.",
            expected=f"SHA-256 {expected}" if expected else "no such file: training left none",
            found=f"SHA-256 {found}" if found else "no such file",
            remedy="restore it from a copy of the run, or train again: it was changed, damaged, or "
            "taken from another run",
        )
    return path


def _files(run: RunDir) -> Iterator[Path]:
    yield from (run.config, run.manifest, run.audit, run.metrics, run.judgement)
    yield from (run.best_checkpoint, run.exported_weights, run.out_of_distribution, run.home)
    yield from (run.predictions(split) for split in ("val", "test"))


def _spoken_of(run: RunDir, path: Path) -> tuple[str, Entries | None]:
    """Return what a file is called in the journal that speaks of it: the run's, or its ensemble's."""
    name = path.relative_to(run.path).as_posix()
    if run.environment.is_file():
        return name, read_entries(run)
    whole = RunDir(run.path.parent.parent)
    if run.path.parent.name == "members" and whole.environment.is_file():
        return f"members/{run.path.name}/{name}", read_entries(whole)
    return name, None


def _earlier(run: RunDir, entries: Entries) -> dict[str, str]:
    """Return the hashes that runs of earlier versions have."""
    data = entries.content.get("data")
    known = {"manifest.csv": data.get("manifest_sha256") if isinstance(data, dict) else None}
    if not run.members and "population_statistics" not in entries.content:
        known["checkpoints/best.ckpt"] = entries.content.get("checkpoint_sha256")
    return {name: str(value) for name, value in known.items() if value}


@functools.cache
def _tell(path: Path) -> None:
    warn(
        f"{path} recorded no hashes of its files, as runs of earlier versions did not: whether they "
        "are those that training left cannot be told"
    )
