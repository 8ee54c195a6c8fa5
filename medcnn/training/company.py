"""Processes that ``torchrun`` or ``srun`` started: the first tells the story, the others do their part.

They meet at a store of torch's, that of ``torchrun`` or one of the first process. There the others
wait, without a collective that would time out while a million images are decoded, for work to do
together or for the end: only the first reads the configuration, chooses the run directory, prepares
data, judges and reports, and all end as it ends. A file could not be waited for before there is a
directory, and says nothing of one who is gone.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from torch._C._distributed_c10d import PrefixStore, TCPStore
from torch.distributed import DistNetworkError, DistStoreError

from medcnn.errors import ConfigError, MedcnnError
from medcnn.processes.parent import end_with
from medcnn.training.answers import (
    GRACE_SECONDS,
    Answer,
    End,
    RankError,
    Work,
    be_silent,
    leave_the_others,
    worst,
)
from medcnn.training.board import Board
from medcnn.training.launch import SLURM_PORT, Launch
from medcnn.version import __version__

PATIENCE = timedelta(minutes=5)
"""How long all may take to come, and to take up a piece of work."""
GRACE = timedelta(seconds=GRACE_SECONDS)


class Company:
    """The processes that a launcher started, as one of them sees them.

    Args:
        launch: The place of this one.
        host: Of the first process, as the others reach it.
        board: Where they leave words for one another.
    """

    def __init__(self, launch: Launch, host: str, board: Board) -> None:
        self.launch, self.host, self._board, self._turn = launch, host, board, 0
        self._others = range(1, launch.world)

    def check_words(self, words: Sequence[str]) -> None:
        """Refuse processes that were started with different commands; every one of them has to ask.

        Raises:
            ConfigError: In the first process, if not all came, or not with the same command.
        """
        if self.launch.rank:
            self._board.put(f"here/{self.launch.rank}", (__version__, *words))
            return
        keys = [f"here/{rank}" for rank in self._others]
        if not self._board.has(keys, PATIENCE):
            raise ConfigError(
                "Not all processes that were started together came.",
                expected=f"{self.launch.world}, as {self.launch.by} says",
                found=f"fewer within {PATIENCE}",
                remedy="look at what the others say; they have to reach one another's machines",
            )
        for rank, key in zip(self._others, keys, strict=True):
            version, *theirs = self._board.get(key)
            if (version, theirs) != (__version__, list(words)):
                raise ConfigError(
                    "The processes that were started together were not given the same command.",
                    expected=f"medcnn {__version__}: {' '.join(words)}",
                    found=f"process {rank + 1}, medcnn {version}: {' '.join(theirs)}",
                    remedy="start one model by the same command; several by an array of jobs",
                )

    def do(
        self, function: Callable[..., Any], arguments: Sequence[Any], needed: Sequence[Path]
    ) -> Any:
        """Do a piece of work with the others, and return what it comes to here, in the first.

        Raises:
            RankError: If another process is gone.
            BaseException: What a process ended in, that which medcnn has words for first.
        """
        self._turn += 1
        store = TCPStore(self.host, 0, is_master=True, wait_for_workers=False)
        meeting = (self.host, store.port)
        content = pickle.dumps((function, arguments))
        paths = [Path(path).absolute() for path in needed]
        work = Work(content, Path.cwd(), paths, meeting, torch.get_num_threads())
        self._board.put(f"work/{self._turn}", work)
        try:
            self._check_ready()
            os.environ.update(self.launch.variables(*meeting))
            own = Answer.of(function, arguments)
            leave_the_others()
        finally:
            del store  # a traceback may keep this frame, and with it those who wait there
        if own.error is None:
            self._board.forget(f"work/{self._turn}")
            return own.result
        if isinstance(own.error, Exception) and not isinstance(own.error, MedcnnError):
            raise self._explained(own.error)
        raise own.error

    def _check_ready(self) -> None:
        heard = self._answers("ready", PATIENCE)
        if any(each.error is not None for each in heard.values()):
            raise worst(list(heard.values()))
        self._check_all(heard)

    def _explained(self, own: Exception) -> BaseException:
        """Return what explains an error that may come of another process's."""
        heard = self._answers("done", GRACE)
        self._check_all(heard)
        return worst([Answer(error=own), *heard.values()])

    def _answers(self, kind: str, patience: timedelta) -> dict[int, Answer]:
        """Return what the others come to, within some time."""
        keys = {rank: f"{kind}/{self._turn}/{rank}" for rank in self._others}
        found = self._board.read(list(keys.values()), patience)
        return {rank: pickle.loads(each) for rank, each in zip(keys, found, strict=True) if each}  # noqa: S301

    def _check_all(self, heard: Mapping[int, Answer]) -> None:
        lost = [rank for rank in self._others if rank not in heard]
        if lost:
            raise RankError(
                f"Process {lost[0] + 1} of {self.launch.world} that trained together is gone.",
                expected="all of them until the training is done",
                found=f"{len(lost)} that say nothing; see what {self.launch.by} says of them",
                remedy="go on from the last checkpoint by resume=RUN_DIR; where memory was short, "
                "begin anew with a smaller data.batch_size or fewer processes a machine",
            )

    def follow(self) -> int:
        """Do what the first process hands out, until it ends; return its exit code."""
        while True:
            self._turn += 1
            told = self._board.get(f"work/{self._turn}")
            if isinstance(told, End):
                _end_undisturbed()
                self._board.put(f"end/{self.launch.rank}", None)
                return told.code
            own = Answer.of(_taken_up, (told,))
            self._board.put(
                f"ready/{self._turn}/{self.launch.rank}", replace(own, result=None).to_bytes()
            )
            if own.error is None:
                os.environ.update(self.launch.variables(*told.meeting))
                torch.set_num_threads(told.threads)
                own = replace(Answer.of(*own.result), result=None)
                self._board.put(f"done/{self._turn}/{self.launch.rank}", own.to_bytes())
                leave_the_others()
            if own.error is not None:
                return self._fail(own)

    def _fail(self, own: Answer) -> int:
        """Leave it to the first process to say what befell this one; where it cannot, say it."""
        key = f"work/{self._turn + 1}"
        if self._board.has([key], 3 * GRACE):
            told = self._board.get(key)
            _end_undisturbed()
            self._board.put(f"end/{self.launch.rank}", None)
            return told.code if isinstance(told, End) else 1
        if not isinstance(own.error, MedcnnError):
            sys.stderr.write(own.trace)
        return self.told(own.error)

    def told(self, error: object) -> int:
        """Say what this process ends in, and return its exit code."""
        place = f"process {self.launch.rank + 1} of {self.launch.world}, {socket.gethostname()}: "
        sys.stderr.write(f"medcnn: {place if self.launch.rank else ''}{error}\n")
        return getattr(error, "exit_code", 1)

    def end(self, code: int) -> None:
        """Let the others end as the first does, and wait a moment until they know."""
        self._turn += 1
        _end_undisturbed()
        self._board.put(f"work/{self._turn}", End(code))
        self._board.has([f"end/{rank}" for rank in self._others], GRACE)


def _end_undisturbed() -> None:
    """Let no signal change the exit code: ``torchrun`` sends one once the first of them has ended."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


_here: list[Company] = []


def company_here() -> Company | None:
    """Return the company whose first process this is, or None."""
    return _here[-1] if _here else None


def in_company(launch: Launch, words: Sequence[str], tell: Callable[[], int]) -> int:
    """Tell the story in the first process and follow in the others; return the exit code of all.

    Args:
        launch: The place of this one.
        words: The command that it was given.
        tell: Does the command, and returns its exit code.
    """
    try:
        company = Company(launch, *_met(launch))
        code = _follow(company, words) if launch.rank else _lead(company, words, tell)
    except (DistNetworkError, DistStoreError) as error:
        said = "the first process is gone" if launch.rank else "the others cannot be reached"
        sys.stderr.write(f"medcnn: process {launch.rank + 1} of {launch.world}: {said}: {error}\n")
        code = 1
    if code:
        # The launcher kills those that are left some time after one has ended: none is to be late.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _lead(company: Company, words: Sequence[str], tell: Callable[[], int]) -> int:
    code = 1
    try:
        company.check_words(words)
        _here.append(company)
        code = tell()
    except MedcnnError as error:
        code = company.told(error)
    finally:
        _here.clear()
        company.end(code)
    return code


def _follow(company: Company, words: Sequence[str]) -> int:
    be_silent()
    # Ctrl-C reaches all of them; what it means is the first one's to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(os.getppid())
    company.check_words(words)
    return company.follow()


def _met(launch: Launch) -> tuple[str, Board]:
    """Return the host of the first process, and the board there."""
    known = os.environ
    host, port = known.get("MASTER_ADDR"), known.get("MASTER_PORT")
    if launch.by == "srun":
        # Lightning's environment of SLURM also takes signals and demands --ntasks-per-node.
        host = host or SLURMEnvironment.resolve_root_node_address(known["SLURM_STEP_NODELIST"])
        number = int(known["SLURM_JOB_ID"]) + int(known["SLURM_STEP_ID"])
        port = port or str(SLURM_PORT + number % 10_000)
    hosts = launch.rank == 0 and known.get("TORCHELASTIC_USE_AGENT_STORE") != str(True)
    store = TCPStore(
        str(host), int(port or 0), is_master=hosts, wait_for_workers=False, timeout=PATIENCE
    )
    attempt = known.get("TORCHELASTIC_RESTART_COUNT", "0")
    return str(host), Board(PrefixStore(f"medcnn/{attempt}", store))


def _taken_up(work: Work) -> Any:
    """Return a piece of work as ``Answer.of`` takes it, in the folder that it is to be done in.

    Raises:
        ConfigError: If what it needs is not to be seen from here.
    """
    absent = [path for path in (work.folder, *work.needed) if not path.exists()]
    if absent:
        raise ConfigError(
            "Not all processes see the same disk.",
            expected=f"{absent[0]} on every machine, as it is on that of the first process",
            found=f"no such folder on {socket.gethostname()}",
            remedy="give run_dir=PATH and data.cache_dir=PATH on a disk that all machines share",
        )
    os.chdir(work.folder)
    return pickle.loads(work.content)  # noqa: S301  of the first process
