"""From an image that DICOM brought to the report that goes on."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from medcnn.console import warn
from medcnn.pacs.identity import Judge
from medcnn.pacs.report import build_report
from medcnn.pacs.results import outcome_of
from medcnn.pacs.source import NoResultError, quiet, read_source
from medcnn.serving.measuring import Meter
from medcnn.serving.queueing import FullError, Queue, Row
from medcnn.serving.spool import RECEIVED, RESULTS, Spool
from medcnn.serving.worker import Worker

DOOR = "dicom"
_PAUSE = 0.05
"""Seconds until a queue that is full of HTTP's images is asked again."""
LONGEST_PAUSE = 5.0
"""Seconds until a disk that is full is tried again."""


class Reporter(Worker):
    """Takes received images through the queue, in a thread of its own, and leaves their reports.

    Args:
        queue: That answers.
        judge: What reports say of the model.
        spool: Where images and reports lie.
        meter: Counts.
        reported: Called after each report.
        together: Images that are in the queue at once.
    """

    def __init__(
        self,
        queue: Queue,
        judge: Judge,
        spool: Spool,
        meter: Meter,
        reported: Callable[[], None],
        together: int,
    ) -> None:
        self.queue, self.judge, self.spool, self.meter = queue, judge, spool, meter
        self.reported, self.together = reported, together
        self._begin("reporting")

    def _work(self) -> None:
        while not self._closed.is_set():
            self._wake.clear()
            waiting = self.spool.files(RECEIVED)
            self.meter.spooled.labels(RECEIVED).set(len(waiting))
            if not waiting:
                self._wake.wait()
                continue
            under_way = [(path, self._submit(path)) for path in waiting[: self.together]]
            for path, future in under_way:
                if future is not None:
                    self._try(path, future)

    def _try(self, path: Path, future: Future[Row]) -> None:
        try:
            self._finish(path, future)
        except OSError as error:
            warn(f"a report cannot be kept ({error.strerror}); its image is tried again")
            self._closed.wait(LONGEST_PAUSE)

    def _submit(self, path: Path) -> Future[Row] | None:
        while not self._closed.is_set():
            try:
                return self.queue.submit(path)
            except FullError:
                time.sleep(_PAUSE)
        return None

    def _finish(self, path: Path, future: Future[Row]) -> None:
        """Leave the report, then let the image go: after a kill in between it is made again."""
        try:
            row = future.result()
        except FullError:
            return  # the service stops; the image stays
        except Exception as error:  # noqa: BLE001  one image, whatever is in it, never stops the others
            row = {"error": type(error).__name__, "error_kind": "unforeseen"}
        self.meter.count(DOOR, row)
        if row.get("error"):
            # Not the error's text, which may quote the header.
            warn(f"an image could not be answered: {row.get('error_kind')}; it gets no report")
        else:
            self._report(path, row)
        path.unlink(missing_ok=True)

    def _report(self, path: Path, row: Row) -> None:
        buffer = io.BytesIO()
        try:
            with quiet():
                report = build_report(read_source(path), outcome_of(row), self.judge)
                report.save_as(buffer, enforce_file_format=True)
        except NoResultError:
            warn("an image cannot be referred to; it gets no report")
            return
        self.spool.keep(buffer.getvalue(), RESULTS, f"{report.SOPInstanceUID}.dcm")
        self.reported()
