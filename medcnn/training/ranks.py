"""Several processes of this machine that do one piece of work together: started, watched, ended.

They are started anew (``spawn``), not forked, and none of them is this process: Lightning's own way
runs the command line again for each of them, which a Hydra command does not stand (Lightning #11300).
A process that dies ends all; one that is left without this process ends itself.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import Any

import torch
import torch.distributed
from torch._C._distributed_c10d import TCPStore

from medcnn.console import CONSOLE, ERRORS
from medcnn.errors import MedcnnError
from medcnn.processes.parent import end_with

HOST = "127.0.0.1"
START_METHOD = "spawn"
"""A forked process would share the threads and the devices of this one."""
GRACE_SECONDS = 10.0
"""How long the others have to tell what befell them, once one has failed."""


class RankError(MedcnnError):
    """A process of a training was ended from outside."""


class RemoteTraceback(Exception):  # noqa: N818  the cause of an error of another process
    """Where in another process an error arose."""


@dataclass(frozen=True)
class Answer:
    """What a process came to.

    Attributes:
        result: Of its work.
        error: What it ended in; None: it is done.
        trace: Where that arose.
    """

    result: Any = None
    error: BaseException | None = None
    trace: str = ""


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


def together(work: Callable[..., Any], arguments: Sequence[Any], count: int) -> Any:
    """Do a piece of work in so many processes at once, and return what the first of them returns.

    Each finds its place in ``LOCAL_RANK`` and the others by ``MASTER_ADDR`` and ``MASTER_PORT``, as
    torch expects. They share the threads of this process. Only the first one speaks.

    Args:
        work: A function of a module.
        arguments: Of it; they are pickled.
        count: How many processes.

    Raises:
        RankError: If a process was killed.
        BaseException: What a process ended in, that which medcnn has words for first.
    """
    # The processes meet at a port that is ours already, so that no other program can take it.
    store = TCPStore(HOST, 0, is_master=True, wait_for_workers=False)
    threads = max(1, torch.get_num_threads() // count)
    ranks = [_start(work, arguments, rank, store.port, threads) for rank in range(count)]
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
    work: Callable[..., Any], arguments: Sequence[Any], rank: int, port: int, threads: int
) -> _Rank:
    context: Any = get_context(START_METHOD)
    receive, send = context.Pipe(duplex=False)
    place = {
        "LOCAL_RANK": str(rank),
        "NODE_RANK": "0",
        "MASTER_ADDR": HOST,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RESTART_COUNT": "0",
    }
    process = context.Process(
        target=_work, args=(work, arguments, place, threads, send), name=f"rank {rank}"
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
    answers = [rank.answer for rank in ranks if rank.answer is not None and rank.answer.error]
    answers.sort(key=lambda each: not isinstance(each.error, MedcnnError))
    error = answers[0].error
    assert error is not None  # noqa: S101  those without were left out
    error.__cause__ = RemoteTraceback(answers[0].trace)
    return error


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
    if place["LOCAL_RANK"] != "0":
        CONSOLE.quiet = ERRORS.quiet = True
        warnings.simplefilter("ignore")
    try:
        answer = Answer(work(*arguments))
    except BaseException as error:  # noqa: BLE001  whatever it is, the parent has to know
        answer = Answer(error=error, trace=traceback.format_exc())
    _send(pipe, answer)
    if torch.distributed.is_initialized() and answer.error is None:
        torch.distributed.destroy_process_group()
    sys.stdout.flush()
    # What a failed collective left behind could wait for the others for ever.
    os._exit(0 if answer.error is None else 1)


def _send(pipe: connection.Connection, answer: Answer) -> None:
    """Send an answer as plain bytes: torch's own way shares memory that ends with this process."""
    try:
        found = pickle.dumps(answer)
        pickle.loads(found)  # noqa: S301  some errors can be written and not read
    except Exception:  # noqa: BLE001  it is told by its text then
        text = f"{type(answer.error).__name__}: {answer.error}"
        found = pickle.dumps(Answer(error=RuntimeError(text), trace=answer.trace))
    pipe.send_bytes(found)
