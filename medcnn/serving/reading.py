"""Images of strangers are read in processes of their own, each within limits of time and memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from medcnn.errors import ImageError
from medcnn.inference.files import Reading, read_one
from medcnn.io.contained_worker import limit_memory
from medcnn.io.workers import EndedError, OneProcess

MEMORY_MIB = 8192
"""Address space of a process: what reading the largest image takes, twice."""


class Readers:
    """So many processes that read files.

    Args:
        count: Processes.
        seconds: That a file may take.
        size: Pixels a side.
        exact: Whether every file is decoded at full resolution.
    """

    def __init__(self, count: int, seconds: float, size: int, *, exact: bool) -> None:
        self._read: Callable[[Path], Reading] = partial(read_one, size=size, exact=exact)
        self._seconds, self._mine = seconds, threading.local()
        self._all: list[OneProcess] = []
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="reading")

    def submit(self, path: Path) -> Future[Reading]:
        """Return the reading of a file to come, whatever the file is."""
        return self._threads.submit(self._one, path)

    def _one(self, path: Path) -> Reading:
        process: OneProcess | None = getattr(self._mine, "process", None)
        if process is None:
            process = self._mine.process = OneProcess(self._seconds, (limit_memory, (MEMORY_MIB,)))
            self._all.append(process)
        try:
            return process(self._read, path)
        except EndedError:
            error = ImageError(path, "makes the decoder crash or takes too long", kind="crashed")
            return Reading(path, None, None, error)

    def close(self) -> None:
        """Finish what is under way, and end the processes."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self._all:
            process.close()
