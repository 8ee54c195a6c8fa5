"""Tasks that do not depend on one another: side by side in processes, or one after another here.

Whatever becomes of one, the others are done. Ctrl-C stops all of them.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Generic, TypeVar

from medcnn.errors import MedcnnError, UserError
from medcnn.processes.display import Display
from medcnn.processes.slots import Slot
from medcnn.processes.voice import Line, Progress, Said

Result = TypeVar("Result")
Place = Mapping[str, str]
"""What the environment of a process has beside that of the one that started it."""

LOOK = 0.5
"""Seconds between looks at whether all is to stop."""


@dataclass(frozen=True)
class Task(Generic[Result]):
    """Something to do.

    Attributes:
        name: As it is called on the console.
        work: What does it; for another process it has to be one that can be pickled.
    """

    name: str
    work: Callable[[], Result]


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What became of a task.

    Attributes:
        name: Of the task.
        result: What it returned; None where it failed.
        fault: Why it failed; None where it did not.
    """

    name: str
    result: Result | None = None
    fault: BaseException | None = None


class TogetherError(MedcnnError):
    """Tasks that failed; the others were done and are kept.

    Args:
        failed: What became of each of them.
        tasks: How many there were.
        remedy: What goes on with those that failed.
    """

    def __init__(self, failed: Sequence[Outcome[Result]], tasks: int, remedy: str) -> None:
        codes = {getattr(each.fault, "exit_code", 1) for each in failed}
        self.exit_code = codes.pop() if len(codes) == 1 else min(codes)
        told = [f"{each.name}: {each.fault}" for each in failed]
        super().__init__(
            f"{len(failed)} of {tasks} failed: {', '.join(each.name for each in failed)}.",
            expected="all to end well; those that are not named here did, and are kept",
            found="\n".join(told).replace("\n", "\n    "),
            remedy=remedy,
        )


def outcomes(tasks: Sequence[Task[Result]], places: Sequence[Place]) -> Iterator[Outcome[Result]]:
    """Yield what became of each task, in their order, as soon as that is known.

    Args:
        tasks: What there is to do.
        places: One a process; with a single one all is done here, one after another.
    """
    if len(places) > 1:
        yield from _side_by_side(tasks, places)
        return
    for task in tasks:
        try:
            yield Outcome(task.name, task.work())
        except MedcnnError as error:
            yield Outcome(task.name, fault=error)


def raise_failed(done: Sequence[Outcome[Result]], remedy: str) -> None:
    """Raise where a task failed.

    Raises:
        MedcnnError: The fault itself, if it is that of all of them.
        TogetherError: Naming those that failed.
    """
    failed = [each for each in done if each.fault is not None]
    if not failed:
        return
    first = failed[0].fault
    alike = len(failed) == len(done) and len({str(each.fault) for each in failed}) == 1
    if alike and isinstance(first, MedcnnError):
        raise first
    raise TogetherError(failed, len(done), remedy) from first


def _side_by_side(
    tasks: Sequence[Task[Result]], places: Sequence[Place]
) -> Iterator[Outcome[Result]]:
    with Display([task.name for task in tasks]) as display, _deferred() as interruption:
        team: _Team[Result] = _Team(places, display, interruption)
        try:
            yield from team.do(tasks)
        finally:
            team.close()


@contextmanager
def _deferred() -> Iterator[threading.Event]:
    """Keep Ctrl-C from breaking off the start of a process, whose pool could then not be closed.

    It is heeded between two looks at what is done; a second one at once.
    """
    interruption = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        if interruption.is_set() and callable(before):
            before(number, frame)
        interruption.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, before)
    if interruption.is_set():
        raise KeyboardInterrupt


class _Team(Generic[Result]):
    """Slots, and the tasks that they are at."""

    def __init__(
        self, places: Sequence[Place], display: Display, interruption: threading.Event
    ) -> None:
        self._display, self._interruption = display, interruption
        self._free = list(places)[::-1]
        self._slots: list[tuple[Place, Slot]] = []
        self._busy: dict[Future[Result], tuple[int, Place, Slot]] = {}

    def do(self, tasks: Sequence[Task[Result]]) -> Iterator[Outcome[Result]]:
        """Yield the outcomes in the order of the tasks."""
        waiting = list(enumerate(tasks))[::-1]
        known: dict[int, Outcome[Result]] = {}
        for number, _ in enumerate(tasks):
            while number not in known:
                while waiting and (slot := self._take()) is not None:
                    place, process = slot
                    position, task = waiting.pop()
                    self._busy[process.submit(task.name, task.work)] = (position, place, process)
                if self._interruption.is_set():
                    raise KeyboardInterrupt
                for future in wait(self._busy, LOOK, return_when=FIRST_COMPLETED).done:
                    position = self._busy[future][0]
                    known[position] = self._conclude(tasks[position].name, future)
            yield known[number]

    def close(self) -> None:
        """End all processes."""
        for _, _, process in self._busy.values():
            process.close()
        for _, process in self._slots:
            process.close()

    def _take(self) -> tuple[Place, Slot] | None:
        """Return a process without a task, a new one if there is room; None if there is none."""
        if self._slots:
            return self._slots.pop()
        if not self._free:
            return None
        place = self._free.pop()
        return place, Slot(place, self._hear)

    def _conclude(self, name: str, future: Future[Result]) -> Outcome[Result]:
        _, place, process = self._busy.pop(future)
        fault = future.exception()
        process.hear_out(name)
        if fault is not None:
            self._display.end(name, "failed")
        if isinstance(fault, BrokenProcessPool):
            process.close()
            self._free.append(place)
            return Outcome(name, fault=_killed(name, fault))
        self._slots.append((place, process))
        if fault is not None:
            return Outcome(name, fault=fault)
        return Outcome(name, future.result())

    def _hear(self, said: Said) -> None:
        if isinstance(said, Line):
            self._display.line(said)
        elif isinstance(said, Progress):
            self._display.progress(said)
        else:
            self._display.end(said.name)


def _killed(name: str, error: BaseException) -> UserError:
    return UserError(
        f"The process of {name} was killed.",
        expected="as many processes as the memory holds",
        found=" ".join(str(error).split())[:200],
        remedy="go on with what was killed; if memory was short, with parallel=1",
    )
