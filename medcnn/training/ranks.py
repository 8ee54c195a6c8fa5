"""Several processes that do one piece of work together: those of a launcher, or of this machine.

Without a launcher they are started anew (``spawn``), not forked, and none of them is this process:
Lightning's own way runs the command line again for each of them, which a Hydra command does not stand
(Lightning #11300). A process that dies ends all; one that is left without this process ends itself.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from torch._C._distributed_c10d import TCPStore

from medcnn.processes.parent import end_with
from medcnn.training.answers import (
    GRACE_SECONDS,
    Answer,
    RankError,
    be_silent,
    leave_the_others,
    worst,
)
from medcnn.training.company import company_here
from medcnn.training.launch import Launch

HOST = "127.0.0.1"
START_METHOD = "spawn"
"""A forked process would share the threads and the devices of this one."""


@dataclass
class _Rank:
    """A process, and where its answer comes from."""

    process: BaseProcess
    pipe: connection.Connection
    answer: Answer | None = None
    is_open: bool = True
    ended: float = 0.0

    def listen(self) -> None:
        """Take the answer; without one the process is at its end."""
        self.is_open, self.ended = False, time.monotonic()
        try:
            found = self.pipe.recv_bytes()
        except (EOFError, OSError):
            return
        self.answer = pickle.loads(found)  # noqa: S301  of a process that this one started

    @property
    def has_failed(self) -> bool:
        """Whether it ended without being done."""
        return not self.is_open and (self.answer is None or self.answer.error is not None)


def together(
    work: Callable[..., Any], arguments: Sequence[Any], count: int, needed: Sequence[Path] = ()
) -> Any:
    """Do a piece of work in so many processes at once, and return what the first of them returns.

    Each finds its place and the others by the variables that ``torchrun`` sets. Those that a launcher
    started do it, this process as the first of them; else so many are started here, and share the
    threads of this process. Only the first one speaks.

    Args:
        work: A function of a module.
        arguments: Of it; they are pickled.
        count: How many processes.
        needed: What each of them has to find on its disk.

    Raises:
        RankError: If a process was killed.
        BaseException: What a process ended in, that which medcnn has words for first.
    """
    company = company_here()
    if company is not None:
        return company.do(work, arguments, needed)
    # The processes meet at a port that is ours already, so that no other program can take it.
    store = TCPStore(HOST, 0, is_master=True, wait_for_workers=False)
    threads = max(1, torch.get_num_threads() // count)
    places = [Launch(rank, count, rank, count).variables(HOST, store.port) for rank in range(count)]
    ranks = [_start(work, arguments, place, threads) for place in places]
    try:
        _listen(ranks)
    except KeyboardInterrupt:
        for rank in ranks:  # one who did not stop this in a terminal stopped this process alone
            _signal(rank.process, signal.SIGINT)
        _listen(ranks)
        raise
    finally:
        del store  # a traceback may keep this frame, and with it the port
        for rank in ranks:
            if rank.process.is_alive():
                rank.process.join(0 if rank.is_open else GRACE_SECONDS)
            rank.process.kill()
            rank.process.join()
            rank.pipe.close()
    failed = [rank for rank in ranks if rank.has_failed]
    if failed:
        raise _worst(ranks)
    return ranks[0].answer.result if ranks[0].answer else None


def _start(
    work: Callable[..., Any], arguments: Sequence[Any], place: Mapping[str, str], threads: int
) -> _Rank:
    context: Any = get_context(START_METHOD)
    receive, send = context.Pipe(duplex=False)
    process = context.Process(
        target=_work, args=(work, arguments, place, threads, send), name=f"rank {place['RANK']}"
    )
    process.start()
    send.close()
    return _Rank(process, receive)


def _listen(ranks: Sequence[_Rank]) -> None:
    """Wait until all processes have answered; after a failure, as long as is decent."""
    deadline: float | None = None
    while pipes := [rank.pipe for rank in ranks if rank.is_open]:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready = connection.wait(pipes, left)
        for rank in ranks:
            if rank.pipe in ready:
                rank.listen()
        if deadline is None and any(rank.has_failed for rank in ranks):
            deadline = time.monotonic() + GRACE_SECONDS
        if not ready:
            return


def _worst(ranks: Sequence[_Rank]) -> BaseException:
    """Return the error that explains the others: a kill first, then what medcnn has words for."""
    killed = [rank for rank in ranks if not rank.is_open and rank.answer is None]
    if killed:  # one that loses another may crash of it
        first = min(killed, key=lambda each: (each.process.exitcode != -signal.SIGKILL, each.ended))
        return _killed(ranks.index(first), len(ranks), first.process.exitcode)
    return worst([rank.answer for rank in ranks if rank.answer is not None])


def _killed(rank: int, count: int, code: int | None) -> RankError:
    ended = f"exit code {code}"
    if code is not None and code < 0:
        ended = f"signal {-code} ({signal.Signals(-code).name})"
    return RankError(
        f"Process {rank + 1} of {count} that trained together was ended by {ended}.",
        expected="all of them until the training is done",
        found="the operating system ends what takes more memory than there is by SIGKILL"
        if code == -signal.SIGKILL
        else ended,
        remedy="go on from the last checkpoint by resume=RUN_DIR; where memory was short, begin anew "
        "with a smaller data.batch_size or fewer trainer.devices",
    )


def _signal(process: BaseProcess, number: int) -> None:
    if process.pid is not None and process.is_alive():
        os.kill(process.pid, number)


def _work(
    work: Callable[..., Any],
    arguments: Sequence[Any],
    place: Mapping[str, str],
    threads: int,
    pipe: connection.Connection,
) -> None:
    """Do the work in a process that was started for it, and send the answer."""
    parent = parent_process()
    if parent is not None and parent.pid is not None:
        end_with(parent.pid)
    os.environ.update(place)
    torch.set_num_threads(threads)
    if place["RANK"] != "0":
        be_silent()
    answer = Answer.of(work, arguments)
    pipe.send_bytes(answer.to_bytes())
    if answer.error is None:
        leave_the_others()
    sys.stdout.flush()
    # What a failed collective left behind could wait for the others for ever.
    os._exit(0 if answer.error is None else 1)
