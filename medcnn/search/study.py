"""The study: trials in a database that processes and machines share, and that survives a kill."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import ArgumentError, OperationalError

from medcnn.errors import ConfigError
from medcnn.search.settings import Search
from medcnn.search.space import Parameter
from medcnn.version import how_to_install

# What becomes of a trial the search says itself, in one line and without a traceback.
optuna.logging.set_verbosity(optuna.logging.ERROR)

HEARTBEAT = 60
"""Seconds between signs of life of a trial; after three without any, other machines take it over."""


@dataclass(frozen=True)
class Stage:
    """A stage; ``coarse_to_fine`` has two of them, every other search one without a name."""

    name: str
    method: str
    space: list[Parameter]
    options: Search

    @property
    def study(self) -> str:
        """Its name in the database."""
        return f"{self.options.study}/{self.name}" if self.name else self.options.study


def open_storage(options: Search) -> RDBStorage:
    """Return the database of the study, created where it does not exist yet.

    Raises:
        ConfigError: If it cannot be opened.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    local = options.database.startswith("sqlite")
    # Another process may be writing to a file: wait for it rather than give up after five seconds.
    # A server may have been started anew: ask whether a connection is one, before it is used.
    engine = {"connect_args": {"timeout": 120}} if local else {"pool_pre_ping": True}
    with (
        FileLock(options.folder / "study.lock"),
        warnings.catch_warnings(),
        reached(),
    ):
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RDBStorage(
            options.database,
            engine_kwargs=engine,
            heartbeat_interval=HEARTBEAT,
            grace_period=3 * HEARTBEAT,
            heartbeat_stale_trial_callback=_retry(),
        )


@contextmanager
def reached() -> Iterator[None]:
    """Turn a database that cannot be reached, or used, into words.

    Raises:
        ConfigError: In place of what the database's driver raised.
    """
    try:
        yield
    except (ImportError, ArgumentError, OperationalError, StorageInternalError) as error:
        raise ConfigError(
            "The database of the study cannot be opened.",
            expected="search.storage=postgresql://USER@HOST/NAME, with its driver "
            f"({how_to_install('postgresql')}), or null for a file",
            found=" ".join(str(error).split())[:200],
            remedy="see whether the server runs and the user may write there; the same command then "
            "goes on with the search",
        ) from error


def open_study(options: Search, name: str, storage: RDBStorage) -> optuna.Study:
    """Return the study of that name with the options' direction and pruner."""
    return optuna.create_study(
        study_name=name,
        storage=storage,
        direction=options.direction,
        pruner=make_pruner(options.pruner),
        load_if_exists=True,
    )


def make_pruner(name: str) -> optuna.pruners.BasePruner:
    """Return the rule that stops a trial between epochs.

    ``median`` stops what is below the median of earlier trials at the same epoch, ``halving`` keeps a
    third at each rung (Li et al. 2020); neither before a trial's second epoch.
    """
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1)
    if name == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=2, reduction_factor=3)
    return optuna.pruners.NopPruner()


def make_sampler(
    method: str, space: list[Parameter], options: Search, drawn: int, worker: int
) -> optuna.samplers.BaseSampler:
    """Return what proposes the next trial.

    Its seed counts the trials before, so that a search that was killed goes on as it would have, and
    the worker, so that two processes do not draw the same.
    """
    if method == "grid":
        values = {each.name: each.cut(options.points) for each in space}
        # One order for all: the database knows a place on the grid by its number in that order.
        return optuna.samplers.GridSampler(values, seed=options.seed)
    seed = int(np.random.SeedSequence([options.seed, drawn, worker]).generate_state(1)[0])
    if method == "tpe":
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=max(options.trials // 4, 5), constant_liar=True
        )
    return optuna.samplers.RandomSampler(seed=seed)


def counted(study: optuna.Study) -> tuple[int, int]:
    """Return how many trials are done or running, and how many wait to be run again."""
    trials = study.get_trials(deepcopy=False)
    again = interrupted(trials)
    done = sum(trial.state != TrialState.WAITING and trial.number not in again for trial in trials)
    return done, sum(trial.state == TrialState.WAITING for trial in trials)


def runs_elsewhere(study: optuna.Study) -> bool:
    """Return whether another process has a trial running; one that shows no life any more is queued."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
    return bool(study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))


def interrupted(trials: Sequence[FrozenTrial]) -> set[int]:
    """Return the numbers of those trials that were interrupted, and run again under another."""
    return {number for trial in trials for number in trial.system_attrs.get("retry_history", [])}


def original_number(trial: FrozenTrial) -> int:
    """Return the number under which a trial was begun, before it was ever interrupted."""
    return int(trial.system_attrs.get("failed_trial", trial.number))


class Worker:
    """This process as one of those that work on a study.

    It holds a lock that the operating system frees when the process ends, however it ends.

    Args:
        folder: The folder of the search.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "workers"
        self._folder.mkdir(parents=True, exist_ok=True)
        self.name = uuid.uuid4().hex
        self.number = sum(self._alive(path.stem) for path in self._folder.glob("*.lock"))
        self._lock = FileLock(self._path(self.name))
        self._lock.acquire()

    def leave(self) -> None:
        """Say that this process is done with the study."""
        self._lock.release()
        self._path(self.name).unlink(missing_ok=True)

    def reclaim(self, study: optuna.Study) -> list[int]:
        """Queue again what processes of this machine were running when they were killed."""
        found = []
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            worker = trial.user_attrs.get("worker")
            if worker and self._path(worker).is_file() and not self._alive(worker):
                study.tell(trial.number, state=TrialState.FAIL)
                run_again(study, trial)
                found.append(trial.number)
        return found

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"

    def _alive(self, name: str) -> bool:
        try:
            with FileLock(self._path(name), timeout=0):
                return False
        except Timeout:
            return True


def ask(study: optuna.Study) -> optuna.Trial:
    """Return the next trial, or one that waits to be run again; ``alive`` gives its signs of life."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Heartbeat of storage")
        return study.ask()


def end_without_score(study: optuna.Study, number: int) -> None:
    """Tell the study that a trial came to no score."""
    study.tell(number, state=TrialState.FAIL)


@contextmanager
def alive(storage: RDBStorage, study: optuna.Study, numbers: Sequence[int]) -> Iterator[None]:
    """Give signs of life of running trials for the time of a block, from a thread."""
    done, own = Event(), storage.get_study_id_from_name(study.study_name)
    known = [storage.get_trial_id_from_study_id_trial_number(own, number) for number in numbers]

    def beat() -> None:
        while True:
            for each in known:
                storage.record_heartbeat(each)
            if done.wait(HEARTBEAT):
                return

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def run_again(study: optuna.Study, trial: FrozenTrial) -> None:
    """Queue a trial that was interrupted; it goes on from its last whole epoch."""
    _retry()(study, trial)


def _retry() -> RetryHeartbeatStaleTrialCallback:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return RetryHeartbeatStaleTrialCallback(max_retry=5, inherit_intermediate_values=True)
