"""What a compressed frame says about itself, read before any decoder sees it.

A decoder allocates what the codestream's own header asks for, whatever the data set says, so both
are compared first. Headers follow ITU-T T.81 (JPEG), T.87 (JPEG-LS) and T.800 (JPEG 2000).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_ONE_SCAN = {
    0xC0,
    0xF7,
}  # what follows the first scan of a grey one is not decoded, or is contained
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}
_J2K_START = b"\xff\x4f\xff\x51"
_MOST_MARKERS = 1000


@dataclass(frozen=True)
class Header:
    """The frame header of a codestream.

    Attributes:
        rows: Height in pixels.
        columns: Width in pixels.
        precision: Bits of one sample.
        samples: Components of one pixel.
        levels: Wavelet decompositions of JPEG 2000, 0 for the others.
        signed: Whether JPEG 2000 samples are signed.
        tiles: Tiles of JPEG 2000, 1 for the others.
        scans: Scans of JPEG, as far as decoders go through them; 1 for the others.
        marker: Start-of-frame marker of JPEG and JPEG-LS, None for JPEG 2000.
    """

    rows: int
    columns: int
    precision: int
    samples: int
    levels: int = 0
    signed: bool = False
    tiles: int = 1
    scans: int = 1
    marker: int | None = field(default=None, compare=False)


def read_header(frame: bytes) -> Header:
    """Return the header of a JPEG, JPEG-LS, JPEG 2000 or HTJ2K codestream.

    Raises:
        ValueError: If ``frame`` starts as none of them or ends before its frame header.
    """
    if frame[:2] == b"\xff\xd8":
        return _read_jpeg(frame)
    start = 0 if frame[:4] == _J2K_START else frame.find(_J2K_START, 0, 4096)
    if start < 0:
        raise ValueError("neither a JPEG nor a JPEG 2000 codestream")
    return _read_j2k(frame[start : start + 65536])


def _read_jpeg(frame: bytes) -> Header:
    position = 2
    for _ in range(_MOST_MARKERS):
        if frame[position : position + 1] != b"\xff":
            raise ValueError("no marker where the JPEG codestream should have one")
        marker = frame[position + 1] if position + 1 < len(frame) else -1
        if marker == 0xFF or marker in _WITHOUT_LENGTH:
            position += 1 if marker == 0xFF else 2
        elif marker in _START_OF_FRAME:
            precision, rows, columns, samples = _unpack(">BHHB", frame, position + 4)
            scans = 1 if marker in _ONE_SCAN and samples == 1 else count_scans(frame)
            return Header(rows, columns, precision, samples, scans=scans, marker=marker)
        else:
            position += 2 + _unpack(">H", frame, position + 2)[0]
    raise ValueError("no frame header in the JPEG codestream")


def count_scans(stream: bytes) -> int:
    """Return how many scans a JPEG stream starts; coded data never hold their marker (T.81 B.1.1.5)."""
    return stream.count(b"\xff\xda")


def _read_j2k(stream: bytes) -> Header:
    x_end, y_end, x_start, y_start = _unpack(">4I", stream, 8)
    width, height, x_tiles, y_tiles = _unpack(">4I", stream, 24)
    samples = _unpack(">H", stream, 40)[0]
    depth = _unpack(">B", stream, 42)[0]
    position = 4 + _unpack(">H", stream, 4)[0]
    levels = 0
    for _ in range(_MOST_MARKERS):
        marker, length = _unpack(">HH", stream, position)
        if marker == 0xFF52:
            levels = _unpack(">B", stream, position + 9)[0]
            break
        position += 2 + length
    return Header(
        rows=y_end - y_start,
        columns=x_end - x_start,
        precision=(depth & 0x7F) + 1,
        samples=samples,
        levels=levels,
        signed=bool(depth & 0x80),
        tiles=_count(x_tiles, x_end, width) * _count(y_tiles, y_end, height),
    )


def _count(start: int, end: int, side: int) -> int:
    """Return how many tiles of a side reach from start to end (T.800 B-5)."""
    if side < 1:
        raise ValueError("tiles without pixels")
    return max(-(-(end - start) // side), 0)


def _unpack(layout: str, data: bytes, position: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, data, position)
    except struct.error as error:
        raise ValueError("the codestream ends inside its header") from error
