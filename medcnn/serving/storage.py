"""The DICOM door: a storage SCP for CR and DX images, which are on disk before it says so.

pynetdicom reads as many bytes as a stranger announces and keeps a data set in memory until it is whole;
both are bounded here, by connection.
"""

from __future__ import annotations

import io
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Any

from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
)
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from medcnn.pacs.source import NoResultError, quiet, read_source
from medcnn.serving.address import Peer
from medcnn.serving.measuring import Meter
from medcnn.serving.spool import RECEIVED, RESULTS, Spool

DOOR = "dicom"
TAKEN = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
)
SUCCESS, OUT_OF_RESOURCES, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xC000
CONNECTIONS = 16
MOST_RESULTS = 10_000
"""Reports that wait for the archive; with more, images are refused."""
LARGEST_PDU = 2**20
SECONDS = 30
"""That a connection may be silent."""
_DEFLATED = "1.2.840.10008.1.2.1.99"


class StorageDoor:
    """Listens until it is closed.

    Args:
        own: Its title and address.
        callers: Titles that may send.
        spool: Where images go.
        room: Images that may wait.
        largest: Bytes of one.
        meter: Counts.
        arrived: Called after each image.
        context: Encrypts; None: nothing does.
    """

    def __init__(
        self,
        own: Peer,
        callers: Sequence[str],
        spool: Spool,
        *,
        room: int,
        largest: int,
        meter: Meter,
        arrived: Callable[[], None],
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.spool, self.room, self.largest = spool, room, largest
        self.meter, self.arrived = meter, arrived
        self._lock = threading.Lock()
        # Its entries quote what strangers and patients are called.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
        entity = AE(ae_title=own.title)
        entity.require_called_aet = True
        entity.require_calling_aet = list(callers)
        entity.maximum_associations = CONNECTIONS
        entity.maximum_pdu_size = LARGEST_PDU
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = SECONDS
        entity.add_supported_context(Verification)
        syntaxes = [each for each in ALL_TRANSFER_SYNTAXES if each != _DEFLATED]
        for kind in TAKEN:
            entity.add_supported_context(kind, syntaxes)
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, self._bound),
            (evt.EVT_CONN_CLOSE, self._ended),
            (evt.EVT_PDU_RECV, self._weigh),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_REJECTED, self._rejected),
        ]
        self._server: Any = entity.start_server(
            (own.address.host, own.address.port),
            block=False,
            ssl_context=context,
            evt_handlers=handlers,
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Take no more connections and end those that there are."""
        self._server.shutdown()

    def _bound(self, event: Any) -> None:
        """Let a connection announce no more than a PDU that was agreed on, and be silent no longer."""
        plug = event.assoc.dul.socket
        whole = plug.recv

        def recv(count: int) -> bytearray:
            if count > LARGEST_PDU + 6:
                raise OSError("a PDU larger than agreed")
            received: bytearray = whole(count)
            return received

        plug.recv = recv
        plug.socket.settimeout(SECONDS)
        if len(self._server.active_associations) > 2 * CONNECTIONS:
            self.meter.refused.labels(DOOR, "connections").inc()
            plug.socket.shutdown(socket.SHUT_RDWR)

    def _ended(self, event: Any) -> None:
        """Let a connection that closed before it asked for anything end now, not at its timeout.

        It would be counted among those that there may be, so that a few strangers shut the door.
        """
        event.assoc.dul.to_user_queue.put(None)

    def _weigh(self, event: Any) -> None:
        """Abort a connection whose data set is larger than an image may be."""
        values = getattr(event.pdu, "presentation_data_value_items", None)
        if not values:
            return
        held = event.assoc.dimse.message
        so_far = 0 if held is None else held.data_set.getbuffer().nbytes
        if so_far > self.largest:
            self.meter.refused.labels(DOOR, "large").inc()
            event.assoc.abort()

    def _rejected(self, event: Any) -> None:
        self.meter.refused.labels(DOOR, "association").inc()

    def _store(self, event: Any) -> int:
        content = _file_of(event)
        if len(content) > self.largest:
            self.meter.refused.labels(DOOR, "large").inc()
            return OUT_OF_RESOURCES
        with self._lock:
            full = len(self.spool.files(RECEIVED)) >= self.room
            if full or len(self.spool.files(RESULTS)) >= MOST_RESULTS:
                self.meter.refused.labels(DOOR, "full").inc()
                return OUT_OF_RESOURCES
            path = self.spool.keep(content, RECEIVED)
        try:
            with quiet():
                read_source(path)
        except NoResultError:
            path.unlink()
            self.meter.refused.labels(DOOR, "no_reference").inc()
            return NOT_UNDERSTOOD
        self.arrived()
        return SUCCESS


def _file_of(event: Any) -> bytes:
    """Return what was received as a DICOM file; nothing of it is parsed."""
    buffer = io.BytesIO()
    buffer.write(bytes(128) + b"DICM")
    write_file_meta_info(DicomFileLike(buffer), event.file_meta)
    buffer.write(event.request.DataSet.getvalue())
    return buffer.getvalue()
