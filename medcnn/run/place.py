"""The place of a run: chosen, held against other processes, and cleared of attempts without results."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from medcnn.console import say
from medcnn.errors import ConfigError, UserError
from medcnn.processes.voice import is_beside_others
from medcnn.run.directory import TEMPORARY, RunDir
from medcnn.run.settings import write_settings
from medcnn.settings.grammar import written

PATIENCE = 5.0
"""Seconds that one of several processes waits for the one that had its task before a kill."""


def choose_run_dir(asked: str | None, name: str) -> Path:
    """Return where the run goes: as asked, Hydra's folder of a multirun job, or by name and time."""
    if asked is not None:
        return Path(asked)
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        folder: str = HydraConfig.get().runtime.output_dir
        return Path(folder)
    return Path("outputs") / name / f"{datetime.now():%Y-%m-%d_%H-%M-%S}"


@contextlib.contextmanager
def held(directory: RunDir) -> Iterator[None]:
    """Make the run directory and keep other processes out of it, until this one is done or dead.

    Raises:
        ConfigError: If it cannot be made.
        UserError: If another process is at work in it.
    """
    lock = FileLock(directory.path / ".lock")
    # What a killed parent left ends within a second of it; another training does not.
    patience = PATIENCE if is_beside_others() else 0
    try:
        directory.path.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=patience)
    except Timeout as error:
        raise UserError(
            f"Another process is training in {directory.path}.",
            expected="one process in a run directory",
            found=f"{lock.lock_file}, which that process holds",
            remedy="wait until it is done, or choose another run_dir",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"run_dir cannot be made: {directory.path}", found=str(error), remedy="choose another"
        ) from error
    try:
        _sweep(directory)
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows keeps a file that is open
            Path(lock.lock_file).unlink()
        lock.release()


def _sweep(directory: RunDir) -> None:
    """Delete what a killed process left half written; nobody else writes here now."""
    for path in directory.path.rglob(".*"):
        if TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def check_single(run: RunDir, why: str, do: str = "take", where: str = "") -> None:
    """Refuse an ensemble where one network is needed.

    Args:
        run: The run.
        why: Goes on with "RUN is an ensemble".
        do: What to do with one of its members instead.
        where: Goes on with "expected: a single model".

    Raises:
        ConfigError: If the run has members.
    """
    if run.members:
        raise ConfigError(
            f"{run.path} is an ensemble{why}.",
            expected=f"a single model{where}",
            found=f"{len(run.members)} members",
            remedy=f"{do} one of them: {written('run', run.member(0).path)}",
        )


def new_run(path: Path) -> RunDir:
    """Return the directory of a run that is made of another.

    Raises:
        UserError: If there is a run already.
    """
    target = RunDir(path)
    if target.config.is_file():
        raise UserError(
            f"There is a run in {target.path} already.",
            expected="a folder without a run",
            found=str(target.config),
            remedy="choose another output",
        )
    return target


def begin(directory: RunDir, settings: object) -> None:
    """Leave the configuration in the directory, without what an earlier attempt prepared.

    An attempt that the audit stopped, or that failed before its first epoch was over, has nothing to
    lose: the same command, mended, begins anew in its place.

    Args:
        directory: Where the run goes.
        settings: The tree of its settings.

    Raises:
        UserError: If there are results in it.
    """
    kept = next(results_in(directory), None)
    if kept is not None:
        raise UserError(
            f"There is a run in {directory.path} already.",
            expected="a folder without results of a run",
            found=str(kept),
            remedy=f"go on with it by {written('resume', directory.path)}, delete it, "
            "or choose another run_dir",
        )
    if directory.config.is_file():
        say(f"{directory.path} holds an attempt that was not trained; it is begun anew")
        for attempt in (directory, *_members(directory)):
            _clear(attempt)
    write_settings(directory, settings)


def results_in(directory: RunDir) -> Iterator[Path]:
    """Yield what training and testing have left in a directory and in the members of it."""
    yield from (path for path in (directory.metrics, directory.results) if path.is_file())
    for folder in (directory.best_checkpoint.parent, directory.predictions("test").parent):
        yield from sorted(folder.glob("[!.]*"))
    for member in _members(directory):
        yield from results_in(member)


def _members(directory: RunDir) -> list[RunDir]:
    """Return all members, those of folds that have not begun included."""
    return [RunDir(path) for path in sorted(directory.member(0).path.parent.glob("[0-9]*"))]


def _clear(attempt: RunDir) -> None:
    prepared = (
        "config",
        "environment",
        "changes",
        "minutes",
        "loggers",
        "manifest",
        "split",
        "audit",
    )
    for name in prepared:
        path: Path = getattr(attempt, name)
        path.unlink(missing_ok=True)
