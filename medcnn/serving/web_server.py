"""An HTTP server in a thread of its own, on a socket that is bound before anything starts."""

from __future__ import annotations

import logging
import socket
import ssl
import threading

import uvicorn
from fastapi import FastAPI

from medcnn.errors import UserError
from medcnn.serving.address import Address

CONNECTIONS = 256
"""Further ones are answered 503 at once."""
GRACE = 30
"""Seconds for answers under way when the service stops."""


class WebServer:
    """Serves until it is closed.

    Args:
        app: What answers.
        address: Where.
        context: Encrypts; None: nothing does.

    Raises:
        UserError: If the address cannot be had.
    """

    def __init__(self, app: FastAPI, address: Address, context: ssl.SSLContext | None) -> None:
        self._socket = _bound(address)
        # Its entries quote requests.
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=GRACE,
        )
        config.load()
        config.ssl = context
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Take no more connections, give the answers under way, and end."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _bound(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    plug = socket.socket(family, socket.SOCK_STREAM)
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        plug.bind((address.host, address.port))
        plug.listen(CONNECTIONS)
    except OSError as error:
        plug.close()
        raise UserError(
            f"{address} cannot be had.",
            expected="a free port of this machine",
            found=error.strerror or str(error),
            remedy="stop what uses it, or give another http=HOST:PORT",
        ) from error
    return plug
