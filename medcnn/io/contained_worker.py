"""The other side of ``contained``: decodes frames that arrive on stdin, each within its own limits.

Run as a program by its path, so that it loads pydicom and a decoder but nothing of medcnn. A request is
two lengths (8 bytes each), a JSON header and a frame; an answer is a length, a JSON header and the
decoded values. The process ends when stdin does, or by a signal when it exceeds its limits.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import Any, BinaryIO, TypedDict

import numpy as np
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder


class Request(TypedDict):
    """The header of a frame.

    Attributes:
        syntax: Transfer syntax UID.
        plugin: Name of pydicom's decoding plug-in.
        options: Further arguments of ``Decoder.as_array``.
        seconds: Of CPU time.
    """

    syntax: str
    plugin: str
    options: dict[str, Any]
    seconds: int


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    answers.write(b"ready")
    answers.flush()
    while len(lengths := requests.read(16)) == 16:
        header_length, frame_length = struct.unpack("<QQ", lengths)
        header = json.loads(requests.read(header_length))
        frame = requests.read(frame_length)
        limit_cpu(header["seconds"])
        answer, content = _decode(header, frame)
        encoded = json.dumps(answer).encode()
        answers.write(struct.pack("<Q", len(encoded)) + encoded)
        answers.write(content)
        answers.flush()


def _decode(header: Request, frame: bytes) -> tuple[dict[str, Any], memoryview]:
    try:
        values, _ = get_decoder(header["syntax"]).as_array(
            encapsulate([frame], has_bot=False),
            index=0,
            decoding_plugin=header["plugin"],
            **header["options"],
        )
    except Exception as error:  # noqa: BLE001  the other side turns it into one typed error
        return {"error": type(error).__name__}, memoryview(b"")
    values = np.ascontiguousarray(values)
    return {"shape": values.shape, "dtype": values.dtype.str}, values.data.cast("B")


def limit_memory(mebibytes: int) -> None:
    """Limit the address space of this process, where the platform can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    wanted = mebibytes * 2**20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def limit_cpu(seconds: int) -> None:
    """Let this process end by a signal after so many more seconds of CPU time."""
    try:
        import resource
    except ImportError:  # Windows: the other side watches the clock
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(usage.ru_utime + usage.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + 1 + seconds, hard))


if __name__ == "__main__":
    limit_memory(int(sys.argv[1]))
    serve(sys.stdin.buffer, sys.stdout.buffer)
