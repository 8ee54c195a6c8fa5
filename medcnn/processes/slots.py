"""Slots: processes of which each does one task at a time, and loses no other when it is killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pickle import UnpicklingError
from typing import TypeVar

from loky import ProcessPoolExecutor

from medcnn.errors import MedcnnError
from medcnn.processes.parent import end_with
from medcnn.processes.voice import End, Said, named, speak_to

Result = TypeVar("Result")
PATIENCE = 10.0
"""Seconds within which the last words of a task are heard after its result."""


class Slot:
    """A process, started when it first gets a task; where it is killed the slot is done for.

    A pool of loky's is a clean start that runs no script of the user again; of one process each,
    because a pool ends all its processes when one of them is killed.

    Args:
        place: What the environment of the process has beside this one's.
        hear: Called, in a thread, with what it says.
    """

    def __init__(self, place: Mapping[str, str], hear: Callable[[Said], None]) -> None:
        listening, self._speaking = Pipe(duplex=False)
        self._hear, self._ended = hear, threading.Event()
        self._pool = ProcessPoolExecutor(
            1,
            timeout=None,
            initializer=_begin,
            initargs=(os.getpid(), self._speaking),
            env=dict(place),
        )
        threading.Thread(target=self._listen, args=(listening,), daemon=True).start()

    def submit(self, name: str, work: Callable[[], Result]) -> Future[Result]:
        """Begin a task and return its result to come."""
        self._ended.clear()
        future: Future[Result] = self._pool.submit(_do, name, work)
        return future

    def hear_out(self, name: str) -> None:
        """Wait until all is heard that a task said, which has ended without its process."""
        self._speaking.send(End(name))
        self._ended.wait(PATIENCE)

    def close(self) -> None:
        """End the process, whatever it is at, and what it started."""
        self._pool.shutdown(wait=True, kill_workers=True)
        self._speaking.close()

    def _listen(self, listening: Connection) -> None:
        # What was killed in the middle of a word leaves half of one.
        with suppress(EOFError, OSError, UnpicklingError):
            while True:
                said = listening.recv()
                self._hear(said)
                if isinstance(said, End):
                    self._ended.set()


def _begin(parent: int, speaking: Connection) -> None:
    """Make a process of a slot what it is; called in it before its first task."""
    import cv2  # a thread a slot is what was planned; OpenCV would take all cores

    cv2.setNumThreads(0)
    end_with(parent)
    # Ctrl-C reaches every process of the terminal; the parent is who decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    speak_to(speaking)


def _do(name: str, work: Callable[[], Result]) -> Result:
    with named(name):
        try:
            return work()
        except MedcnnError:
            raise
        except Exception:
            traceback.print_exc(file=sys.stderr)
            raise
