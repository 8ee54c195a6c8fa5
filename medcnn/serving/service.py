"""A service from its first door to its last: opened in order, closed so that nothing is lost."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from medcnn.inference.folder import Apparatus
from medcnn.pacs.identity import Judge
from medcnn.pacs.source import quiet
from medcnn.serving.address import Address
from medcnn.serving.asked import read_token
from medcnn.serving.certificates import client_context, server_context
from medcnn.serving.judging import Judging
from medcnn.serving.measuring import Meter
from medcnn.serving.queueing import Queue
from medcnn.serving.reading import Readers
from medcnn.serving.settings import Guards, Serve
from medcnn.serving.spool import Spool

MIB = 2**20


@dataclass
class Doors:
    """Where an open service is found."""

    http: int | None = None
    dicom: int | None = None
    meter: Meter = field(default_factory=Meter)


@contextmanager
def opened(asked: Serve, how: Apparatus, judge: Callable[[], Judge]) -> Iterator[Doors]:
    """Open the doors of a service, and close them at the end in the order that loses nothing.

    Args:
        asked: What is asked for.
        how: All that a prediction is made with.
        judge: What reports say of the model; asked for only where there are reports.
    """
    doors = Doors()
    with ExitStack() as stack:
        # Warnings are silenced for the whole process, not by thread: entered and left by several
        # threads, the silence of one would end in the middle of another's, which quotes a header.
        stack.enter_context(quiet())
        spool = Spool(asked.spool)
        stack.callback(spool.close)
        readers = Readers(
            asked.limits.readers,
            asked.limits.seconds,
            how.panel.predictor.image_size,
            exact=how.panel.predictor.members[0].settings.data.exact,
        )
        queue = Queue(
            readers,
            Judging(how),
            size=asked.limits.queue,
            batch_size=asked.inference.batch_size,
            meter=doors.meter,
        )
        stack.callback(queue.close)
        if asked.dicom is not None:
            doors.dicom = _open_dicom(asked, judge(), queue, spool, doors.meter, stack)
        if asked.address is not None:
            doors.http = _open_http(asked, asked.address, queue, spool, doors.meter, stack)
        yield doors


def _open_dicom(
    asked: Serve, judge: Judge, queue: Queue, spool: Spool, meter: Meter, stack: ExitStack
) -> int:
    from medcnn.serving.reporting import Reporter
    from medcnn.serving.sending import Sender
    from medcnn.serving.storage import StorageDoor

    own, archive, guards = asked.own, asked.archive, asked.guards
    if own is None or archive is None:
        raise AssertionError("checked before")
    trusted = None if guards.tls_clients is None else client_context(guards.tls_clients)
    if trusted is not None and guards.tls_certificate is not None:
        trusted.load_cert_chain(guards.tls_certificate, guards.tls_key)
    sender = Sender(own, archive, spool, meter, None if archive.address.is_local else trusted)
    stack.callback(sender.close)
    together = asked.inference.batch_size
    reporter = Reporter(queue, judge, spool, meter, sender.arrived, together)
    stack.callback(reporter.close)
    door = StorageDoor(
        own,
        asked.callers or (archive.title,),
        spool,
        room=asked.limits.queue,
        largest=asked.limits.largest * MIB,
        meter=meter,
        arrived=reporter.arrived,
        context=_context(guards),
    )
    stack.callback(door.close)
    return door.port


def _open_http(
    asked: Serve, address: Address, queue: Queue, spool: Spool, meter: Meter, stack: ExitStack
) -> int:
    from medcnn.serving.web import Web, build_app
    from medcnn.serving.web_server import WebServer

    guards = asked.guards
    token = "" if guards.token_file is None else read_token(guards.token_file)
    web = Web(queue, spool, meter, asked.limits.largest * MIB, token)
    server = WebServer(build_app(web), address, _context(guards))
    stack.callback(server.close)
    return server.port


def _context(guards: Guards) -> ssl.SSLContext | None:
    """Return what a door encrypts by; None: by nothing."""
    if guards.tls_certificate is None or guards.tls_key is None:
        return None
    return server_context(guards.tls_certificate, guards.tls_key, guards.tls_clients)
