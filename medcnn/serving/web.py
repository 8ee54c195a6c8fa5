"""The HTTP door: the bytes of an image in, the row of ``medcnn predict`` out as JSON."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from medcnn.console import warn
from medcnn.serving.measuring import Meter
from medcnn.serving.queueing import FullError, Queue
from medcnn.serving.spool import Spool
from medcnn.version import __version__

DOOR = "http"
MIB = 2**20
BODY_SECONDS = 60
"""That the bytes of an image may take to arrive."""
_UNREAD = 422


@dataclass(frozen=True)
class Web:
    """What the door needs.

    Attributes:
        queue: That images go into.
        spool: Where their bytes lie meanwhile.
        meter: Counts.
        largest: Bytes of one image.
        token: That requests have to bring; empty: none.
    """

    queue: Queue
    spool: Spool
    meter: Meter
    largest: int
    token: str = ""


def build_app(web: Web) -> FastAPI:
    """Return the application; nothing on its pages comes from another place."""
    app = FastAPI(
        title="medcnn", version=__version__, docs_url=None, redoc_url=None, openapi_url=None
    )
    guarded = [Depends(_guard(web))]

    @app.get("/health")
    def health() -> dict[str, str]:
        """Whether the service works at all."""
        if not web.queue.is_alive:
            raise HTTPException(503, "stopping")
        return {"status": "ok"}

    @app.get("/ready")
    def ready() -> dict[str, str]:
        """Whether it takes images now."""
        return health()

    @app.get("/metrics", dependencies=guarded)
    def metrics() -> Response:
        """Numbers in Prometheus' format, none of them about anybody."""
        return Response(web.meter.text(), media_type="text/plain; version=0.0.4")

    @app.post("/predict", dependencies=guarded, openapi_extra=_BODY)
    async def predict(request: Request) -> JSONResponse:
        """The row of one image: DICOM, PNG, JPEG, TIFF or BMP as the body of the request."""
        return await _predict(web, request)

    @app.get("/openapi.json", dependencies=guarded)
    def described() -> JSONResponse:
        """This interface, for programs."""
        return JSONResponse(app.openapi())

    @app.get("/docs", dependencies=guarded)
    def page() -> HTMLResponse:
        """This interface, for people."""
        return HTMLResponse(_page(app))

    return app


_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _guard(web: Web) -> Callable[[Request], Awaitable[None]]:
    wanted = f"Bearer {web.token}".encode()

    async def check(request: Request) -> None:
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        if web.token and not hmac.compare_digest(given, wanted):
            web.meter.refused.labels(DOOR, "token").inc()
            raise HTTPException(401, "a token is needed", {"WWW-Authenticate": "Bearer"})

    return check


async def _predict(web: Web, request: Request) -> JSONResponse:
    path = web.spool.place()
    try:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                await _receive(web, request, path)
        except TimeoutError as error:
            raise _refuse(web, 408, "slow", "the image took too long to arrive") from error
        except ClientDisconnect as error:
            raise _refuse(web, 400, "left", "the image did not arrive") from error
        began = time.perf_counter()
        try:
            row = await asyncio.wrap_future(web.queue.submit(path))
        except FullError as error:
            raise _refuse(
                web, 503, "full", "as many images as there may be wait already"
            ) from error
        except Exception as error:  # noqa: BLE001  one image, whatever is in it, stops nobody else
            # Not the error's text, which may quote the header.
            warn(f"an image could not be answered: {type(error).__name__}")
            raise _refuse(web, 500, "unforeseen", "a fault of the service") from None
        web.meter.seconds.observe(time.perf_counter() - began)
    finally:
        path.unlink(missing_ok=True)
    web.meter.count(DOOR, row)
    return JSONResponse(dict(row), _UNREAD if row.get("error") else 200)


async def _receive(web: Web, request: Request, path: Path) -> None:
    """Write the body to a file, never more of it than an image may have."""
    told = request.headers.get("content-length", "0")
    size = int(told) if told.isdecimal() else 0
    with path.open("xb") as stream:
        path.chmod(0o600)
        if size <= web.largest:
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > web.largest:
                    break
                await run_in_threadpool(stream.write, chunk)
    if size > web.largest:
        raise _refuse(web, 413, "large", f"an image has at most {web.largest // MIB} MiB")
    if not size:
        raise _refuse(web, 400, "empty", "the body of the request is the image")


def _refuse(web: Web, status: int, reason: str, words: str) -> HTTPException:
    web.meter.refused.labels(DOOR, reason).inc()
    return HTTPException(status, words)


def _page(app: FastAPI) -> str:
    """Return the interface as one page that loads nothing from anywhere."""
    rows = [
        f"<tr><td><code>{method.upper()} {escape(path)}</code></td>"
        f"<td>{escape(said.get('description') or said.get('summary') or '')}</td></tr>"
        for path, methods in app.openapi()["paths"].items()
        for method, said in methods.items()
    ]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>medcnn</title>"
        "<style>body{font:16px sans-serif;margin:2em}td{padding:.3em 1em .3em 0}</style>"
        f"<h1>medcnn {__version__}</h1><table>{''.join(rows)}</table>"
        "<p>For programs: <a href=openapi.json>openapi.json</a>. Not a medical device.</p></html>"
    )
