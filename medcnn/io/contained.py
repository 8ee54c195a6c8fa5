"""Decoding in a process of its own, for decoders that a damaged frame can hold for ever.

CharLS spends ten seconds and more on 256 pixels of some damaged JPEG-LS frames, in native code that
nothing in this process can interrupt. One helper process is started when it is first needed and kept;
a limit on its CPU time ends it, which is one error for one file, and the next file starts another.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from medcnn.io.contained_worker import Request

MEMORY_MIB = 4096
"""Address space of the helper process."""

MEGAPIXELS_PER_SECOND = 2
"""A tenth of what CharLS decodes in a second on a slow core."""

_LEAST_SECONDS = 2
_CLOCK = 20
_WORKER = Path(__file__).with_name("contained_worker.py")


class DecoderLimitError(ValueError):
    """A decoder crashed, or exceeded its time or memory."""


def decode_contained(
    frame: bytes, *, syntax: str, plugin: str, options: Mapping[str, int | str]
) -> npt.NDArray[Any]:
    """Return a frame as pydicom's plug-in decodes it, within limits of time and memory.

    Args:
        frame: One coded frame.
        syntax: Transfer syntax UID.
        plugin: Name of pydicom's decoding plug-in.
        options: Further arguments of ``Decoder.as_array``, all of them JSON values.

    Raises:
        DecoderLimitError: If the helper process had to be ended.
        ValueError: If the frame cannot be decoded.
    """
    pixels = int(options["rows"]) * int(options["columns"])
    seconds = _LEAST_SECONDS + pixels // (MEGAPIXELS_PER_SECOND * 10**6)
    header = Request(syntax=syntax, plugin=plugin, options=dict(options), seconds=seconds)
    with _KEPT.lock:
        return _KEPT.helper().decode(header, frame)


class _Helper:
    """One helper process and the pipes to it."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        # -P keeps this folder, whose array.py is not the standard one, out of the module path.
        self.process = subprocess.Popen(  # noqa: S603  this Python and a file of this package
            [sys.executable, "-P", str(_WORKER), str(MEMORY_MIB)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise AssertionError("both ends were asked for as pipes")
        self.requests: IO[bytes] = self.process.stdin
        self.answers: IO[bytes] = self.process.stdout
        # A decoder library that cannot be loaded may hang rather than fail.
        with self._watched(_CLOCK * _LEAST_SECONDS):
            started = self.answers.read(5) == b"ready"
        if not started:
            self.close()
            raise DecoderLimitError("the decoder process does not start")

    @property
    def is_usable(self) -> bool:
        """Whether the process lives and is this process's own, not its parent's."""
        return self.owner == os.getpid() and self.process.poll() is None

    def decode(self, header: Request, frame: bytes) -> npt.NDArray[Any]:
        encoded = json.dumps(header).encode()
        # The limit is on CPU time; the clock is for platforms that cannot set one.
        try:
            with self._watched(_CLOCK * header["seconds"]):
                self.requests.write(struct.pack("<QQ", len(encoded), len(frame)) + encoded)
                self.requests.write(frame)
                self.requests.flush()
                answer = json.loads(self._read(struct.unpack("<Q", self._read(8))[0]))
                if "error" in answer:
                    raise ValueError(f"the decoder raised {answer['error']}")
                dtype, shape = np.dtype(answer["dtype"]), tuple(answer["shape"])
                content = self._read(dtype.itemsize * int(np.prod(shape, dtype=np.int64)))
                return np.frombuffer(content, dtype).reshape(shape)
        except (OSError, struct.error) as error:
            self.close()
            raise DecoderLimitError("the decoder crashed or took too long") from error

    @contextlib.contextmanager
    def _watched(self, seconds: float) -> Iterator[None]:
        """End the process where what stands inside takes longer by the clock."""
        watch = threading.Timer(seconds, self.process.kill)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def _read(self, length: int) -> bytes:
        content = self.answers.read(length)
        if len(content) != length:
            raise OSError("the decoder process ended")
        return content

    def close(self) -> None:
        """End the process and let its pipes go."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.requests, self.answers):
            with contextlib.suppress(OSError):
                pipe.close()


class _Kept:
    """The helper that is kept between frames."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start afresh: after a fork the lock may be held, and the pipes are the parent's."""
        self.lock = threading.Lock()
        self._helper: _Helper | None = None

    def helper(self) -> _Helper:
        if self._helper is None or not self._helper.is_usable:
            self._helper = _Helper()
        return self._helper


_KEPT = _Kept()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_KEPT.forget)
