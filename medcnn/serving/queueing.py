"""One queue before the network: what waits goes through it together, and nobody waits for company."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from medcnn.inference.files import Reading
from medcnn.serving.measuring import Meter
from medcnn.serving.reading import Readers

Row = Mapping[str, object]
Judge = Callable[[Sequence[Reading]], Sequence[Row]]
_Waiting = tuple[Reading, "Future[Row]"]


class FullError(Exception):
    """There are as many images under way as there may be, or the service is stopping."""


class Queue:
    """Reads images, and passes whatever waits through the network as one batch.

    Args:
        readers: Read the files.
        judge: Returns the row of each reading.
        size: Images under way at most.
        batch_size: Images that go through the network together at most.
        meter: Counts.
    """

    def __init__(
        self, readers: Readers, judge: Judge, *, size: int, batch_size: int, meter: Meter
    ) -> None:
        self.readers, self.judge, self.batch_size, self.meter = readers, judge, batch_size, meter
        self._room = threading.BoundedSemaphore(size)
        self._ready: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="network", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether images go through."""
        return self._thread.is_alive() and not self._closed

    def submit(self, path: Path) -> Future[Row]:
        """Return the row of a file to come.

        Raises:
            FullError: If too many are under way.
        """
        if self._closed or not self._room.acquire(blocking=False):
            raise FullError
        self.meter.waiting.inc()
        row: Future[Row] = Future()
        row.set_running_or_notify_cancel()  # whoever waits may leave; the place in the batch stays
        row.add_done_callback(self._release)
        try:
            self.readers.submit(path).add_done_callback(lambda done: self._read(done, row))
        except RuntimeError as error:  # the readers were closed a moment ago
            row.set_exception(error)
            raise FullError from error
        return row

    def close(self) -> None:
        """Take nothing more, finish what is under way, and end."""
        self._closed = True
        self.readers.close()
        self._ready.put(None)
        self._thread.join()

    def _release(self, _: Future[Row]) -> None:
        self.meter.waiting.dec()
        self._room.release()

    def _read(self, done: Future[Reading], row: Future[Row]) -> None:
        if done.cancelled():
            row.set_exception(FullError())
        elif (error := done.exception()) is not None:
            row.set_exception(error)
        else:
            self._ready.put((done.result(), row))

    def _work(self) -> None:
        while (first := self._ready.get()) is not None:
            batch, ended = [first], False
            with contextlib.suppress(queue.Empty):
                while len(batch) < self.batch_size:
                    following = self._ready.get_nowait()
                    if following is None:
                        ended = True
                        break
                    batch.append(following)
            self._answer(batch)
            if ended:
                return

    def _answer(self, batch: Sequence[_Waiting]) -> None:
        self.meter.batches.observe(len(batch))
        try:
            rows = self.judge([reading for reading, _ in batch])
        except Exception as error:  # noqa: BLE001  a batch that fails is told so, and the next goes on
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), row in zip(batch, rows, strict=True):
            future.set_result(row)
