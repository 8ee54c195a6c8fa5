"""Reports go to the archive, again and again until it has taken them."""

from __future__ import annotations

import ssl
from pathlib import Path

import pydicom
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian
from pynetdicom import AE

from medcnn.pacs.source import quiet
from medcnn.serving.address import Peer
from medcnn.serving.measuring import Meter
from medcnn.serving.spool import RESULTS, Spool
from medcnn.serving.worker import Worker

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
SECONDS = 30
_WARNINGS = range(0xB000, 0xC000)


class Sender(Worker):
    """Sends what is in the spool, in a thread of its own.

    Args:
        own: Under whose title.
        archive: Where to.
        spool: Where reports lie until they are taken.
        meter: Counts.
        context: Encrypts; None: nothing does.
        first_wait: Seconds after a first failure; doubled up to a minute.
    """

    def __init__(
        self,
        own: Peer,
        archive: Peer,
        spool: Spool,
        meter: Meter,
        context: ssl.SSLContext | None = None,
        first_wait: float = FIRST_WAIT,
    ) -> None:
        self.archive, self.spool, self.meter, self.context = archive, spool, meter, context
        self.first_wait = first_wait
        self._entity = AE(ae_title=own.title)
        self._entity.acse_timeout = self._entity.dimse_timeout = SECONDS
        self._entity.network_timeout = self._entity.connection_timeout = SECONDS
        self._entity.add_requested_context(Comprehensive3DSRStorage, ExplicitVRLittleEndian)
        self._begin("sending")

    def _work(self) -> None:
        wait = self.first_wait
        while not self._closed.is_set():
            self._wake.clear()
            waiting = self.spool.files(RESULTS)
            self.meter.spooled.labels(RESULTS).set(len(waiting))
            if not waiting:
                self._wake.wait()
            elif self._send(waiting):
                wait = self.first_wait
            else:
                self.meter.failed.inc()
                self._closed.wait(wait)
                wait = min(2 * wait, LONGEST_WAIT)

    def _send(self, paths: list[Path]) -> bool:
        """Send files through one association; return whether all were taken."""
        address = self.archive.address
        tls = None if self.context is None else (self.context, address.host)
        association = self._entity.associate(
            address.host, address.port, ae_title=self.archive.title, tls_args=tls
        )
        if not association.is_established:
            return False
        try:
            taken = [self._send_one(association, path) for path in paths]
        finally:
            association.release()
        return all(taken)

    def _send_one(self, association: object, path: Path) -> bool:
        if self._closed.is_set():
            return False
        try:
            with quiet():
                status = association.send_c_store(pydicom.dcmread(path))  # type: ignore[attr-defined]
        except (RuntimeError, ValueError, OSError):  # it ended, offers no such context, or no file
            return False
        code = status.get("Status") if status else None
        if code != 0 and code not in _WARNINGS:
            return False
        # After a kill between these two it is sent again, under the same UID.
        path.unlink()
        self.meter.sent.inc()
        return True
