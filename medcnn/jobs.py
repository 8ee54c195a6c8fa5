"""Jobs: one composed configuration each, answered by a command's function, alone or in a sweep.

A job may run in another process or on another machine, by whichever launcher Hydra was given, so what
befell it is carried back by the one thing that they all carry: its exception.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf

from medcnn.errors import MedcnnError, StorageError, UserError
from medcnn.run.directory import RunDir
from medcnn.settings.composition import explain


@dataclass(frozen=True)
class Job:
    """What a command does with a configuration.

    Attributes:
        config: The command's file in ``configs/``.
        function: ``module:name`` of what takes the configuration.
        overrides: As on the command line, for the words of an error.
    """

    config: str
    function: str
    overrides: tuple[str, ...]

    def __call__(self, cfg: DictConfig) -> Any:
        """Do it, and return what the function returns.

        Raises:
            MedcnnError: If the user can do something about what went wrong.
        """
        module, _, name = self.function.partition(":")
        try:
            _open_runs(cfg)
            return getattr(importlib.import_module(module), name)(cfg)
        except HydraException as error:
            raise explain(error, self.config, self.overrides) from error
        except OSError as error:
            fault = StorageError.of(error)
            if fault is None:
                raise
            raise fault from error


def _open_runs(cfg: DictConfig) -> None:
    """Look for the run directories that are named, before seconds go into imports."""
    named = None if OmegaConf.is_missing(cfg, "run") else cfg.get("run")
    for path in [named] if isinstance(named, str) else named or ():
        RunDir.open(str(path))


class SweepError(MedcnnError):
    """Jobs of a sweep that failed; the others were done.

    Args:
        failed: Number, overrides and exception of each.
        jobs: How many there were.
    """

    def __init__(self, failed: Sequence[tuple[int, Sequence[str], Exception]], jobs: int) -> None:
        told = [f"job {number} ({' '.join(given)}): {error}" for number, given, error in failed]
        codes = {getattr(error, "exit_code", 1) for _, _, error in failed}
        self.exit_code = codes.pop() if len(codes) == 1 else min(codes)
        super().__init__(
            f"{len(failed)} of {jobs} jobs of the sweep failed.",
            expected="every job to end well; those that are not named here did",
            found="\n".join(told).replace("\n", "\n    "),
            remedy="mend what each says and run those again",
        )


def tell(number: object, error: Exception) -> None:
    """Say in a job what befell it, when it does; a fault of medcnn with its traceback."""
    if not isinstance(error, MedcnnError):
        traceback.print_exception(error)
    problem = error.problem if isinstance(error, MedcnnError) else f"a fault of medcnn: {error!r}"
    sys.stderr.write(f"medcnn: job {number} failed: {problem}\n")


@dataclass
class EveryJob:
    """A launcher that lets a sweep go on past a job that failed, and remembers it.

    Attributes:
        launcher: What starts the jobs.
        failed: Number, overrides and exception of each that failed.
        count: How many were started.
    """

    launcher: Launcher
    failed: list[tuple[int, Sequence[str], Exception]] = field(default_factory=list)
    count: int = 0

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Start the jobs and return what they returned, None for one that failed."""
        self.count += len(job_overrides)
        try:
            returns: Sequence[JobReturn] = self.launcher.launch(job_overrides, initial_job_idx)
        except BrokenProcessPool as error:
            raise UserError(
                "A process of the sweep was killed.",
                expected="as many processes as the memory holds",
                found=str(error).splitlines()[0],
                remedy="give the launcher fewer jobs at once, for example hydra.launcher.n_jobs=1",
            ) from error
        for number, job in enumerate(returns, initial_job_idx):
            if job.status is JobStatus.FAILED:
                self.failed.append((number, tuple(job.overrides or ()), job._return_value))
                job.status, job.return_value = JobStatus.COMPLETED, None
        return returns

    def conclude(self) -> None:
        """Raise SweepError if a job failed."""
        if self.failed:
            raise SweepError(self.failed, self.count)
