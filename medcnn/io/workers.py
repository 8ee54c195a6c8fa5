"""Work in several processes, where whatever ends a process costs the item that did it and no other."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from itertools import islice
from typing import Any, TypeVar

import cv2
from loky import BrokenProcessPool, ProcessPoolExecutor

from medcnn.processes.parent import end_with

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")
Start = Callable[..., None]


def in_processes(
    work: Callable[[Chunk], Result],
    chunks: Iterable[Chunk],
    *,
    workers: int,
    apart: Callable[[Chunk], Iterable[Chunk]],
    crashed: Callable[[Chunk], Result],
    start: tuple[Start, tuple[Any, ...]] | None = None,
) -> Generator[tuple[Chunk, Result], None, None]:
    """Yield each chunk and its result, in order; twice as many as there are workers are under way.

    A native decoder that crashes takes its process, and the whole pool, with it. The chunks that
    were under way are then done item by item in a process of their own, and the culprit is named.

    Args:
        work: What is done to a chunk; it must be a function that can be pickled.
        chunks: They are taken as they are needed.
        workers: Processes; with 0 the work is done in this one, which a crash ends.
        apart: Takes a chunk into chunks of one item.
        crashed: The result of such a chunk where it ended its process.
        start: What each process calls first, and its arguments.
    """
    if not workers:
        if start is not None:
            start[0](*start[1])
        yield from ((chunk, work(chunk)) for chunk in chunks)
        return
    rest = iter(chunks)
    running: deque[tuple[Chunk, Future[Result]]] = deque()
    pool = _pool(workers, start)
    try:
        while True:
            for chunk in islice(rest, 2 * workers - len(running)):
                running.append((chunk, _submit(pool, work, chunk)))
            if not running:
                return
            chunk, future = running.popleft()
            try:
                yield chunk, future.result()
            except BrokenProcessPool:
                pool.shutdown(wait=False, kill_workers=True)
                lost = [chunk, *(other for other, _ in running)]
                running.clear()
                for each in lost:
                    yield from _one_by_one(work, apart(each), crashed, start)
                pool = _pool(workers, start)
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def _submit(
    pool: ProcessPoolExecutor, work: Callable[[Chunk], Result], chunk: Chunk
) -> Future[Result]:
    """Return the result to come; of a pool that broke a moment ago, one that says so."""
    try:
        future: Future[Result] = pool.submit(work, chunk)
    except BrokenProcessPool as error:
        future = Future()
        future.set_exception(error)
    return future


def _one_by_one(
    work: Callable[[Chunk], Result],
    chunks: Iterable[Chunk],
    crashed: Callable[[Chunk], Result],
    start: tuple[Start, tuple[Any, ...]] | None,
) -> Generator[tuple[Chunk, Result], None, None]:
    pool = _pool(1, start)
    try:
        for chunk in chunks:
            try:
                result = pool.submit(work, chunk).result()
            except BrokenProcessPool:
                pool.shutdown(wait=False, kill_workers=True)
                pool = _pool(1, start)
                result = crashed(chunk)
            yield chunk, result
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def _pool(workers: int, start: tuple[Start, tuple[Any, ...]] | None) -> ProcessPoolExecutor:
    # A fork copies the locks of torch's and OpenCV's threads without the threads, and waits for them
    # for ever; the standard library's clean start runs an unguarded script of the user again.
    return ProcessPoolExecutor(
        workers, initializer=_begin, initargs=(os.getpid(), start), timeout=None
    )


def _begin(parent: int, start: tuple[Start, tuple[Any, ...]] | None) -> None:
    cv2.setNumThreads(0)
    end_with(parent)
    if start is not None:
        first, arguments = start
        first(*arguments)


class EndedError(Exception):
    """An item whose process crashed, or was ended because it took too long."""


class OneProcess:
    """A process for one item after another, which is replaced where an item ends it.

    Args:
        seconds: That an item may take by the clock.
        start: What each process calls first, and its arguments.
    """

    def __init__(self, seconds: float, start: tuple[Start, tuple[Any, ...]] | None = None) -> None:
        self.seconds, self.start = seconds, start
        self._pool = _pool(1, start)

    def __call__(self, work: Callable[[Chunk], Result], item: Chunk) -> Result:
        """Return what the work makes of the item.

        Raises:
            EndedError: If the process crashed or was ended.
        """
        try:
            found: Result = _submit(self._pool, work, item).result(self.seconds)
        except (BrokenProcessPool, TimeoutError) as error:
            self.close()
            self._pool = _pool(1, self.start)
            raise EndedError from error
        return found

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown(wait=False, kill_workers=True)
