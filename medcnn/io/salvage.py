"""The whole elements of a data set that a parser gives up on: one broken element is one too few.

An element of unknown representation, a length that runs beyond the file, a sequence without its end or
a character set that is none make pydicom stop, with good pixels behind. Here the top level is walked
by tags and lengths alone; what cannot be stepped over is left out up to the next element of the pixels.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from medcnn.io.bounded import MAX_READS

_CHARACTER_SET = 0x00080005
_PIXEL_DATA = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_LANDMARKS = (0x00280002, 0x00280010, 0x7FE00010)
"""Where the walk goes on: Samples per Pixel, Rows, Pixel Data."""

_NUMBERS = (
    *(0x00280002, 0x00280006, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102),
    0x00280103,
)

_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_SHORT = (
    *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN"),
    *(b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
)
_GROUPS = (0x0008, 0x0010, 0x0018, 0x0020, 0x0028, 0x0040, 0x0054, 0x2050, 0x7FE0)
_NEAR = 4096
_UNDEFINED = 0xFFFFFFFF


def salvage(content: bytes, start: int, *, implicit: bool, little: bool) -> bytes:
    """Return the whole elements of a data set, one after the other, without its character set.

    Args:
        content: The file, or the inflated data set.
        start: Where the data set begins.
        implicit: Whether representations are left out.
        little: Whether the least byte comes first.
    """
    walk = _Walk(content, "<" if little else ">", implicit=implicit)
    return b"".join(content[begin:end] for begin, end in walk.elements(start))


class _Walk:
    """The top level of a data set, by tags and lengths."""

    def __init__(self, content: bytes, order: str, *, implicit: bool) -> None:
        self.content, self.order, self.implicit = content, order, implicit

    def elements(self, start: int) -> Iterator[tuple[int, int]]:
        """Yield where each whole element begins and ends."""
        position, last = start, 0
        for _ in range(MAX_READS):
            if position + 8 > len(self.content):
                return
            tag = self._tag(position)
            end = self._end(position) if last < tag <= _PIXEL_DATA[-1] else None
            if end is None or not (self._is_sure(position, tag) or self._leads_on(end, tag)):
                position = self._next(position + 1, last)
                if position < 0:
                    return
                continue
            if tag in _PIXEL_DATA:
                yield position, len(self.content)
                return
            if tag != _CHARACTER_SET and not self._is_open(position):
                yield position, end
            position, last = end, tag

    def _tag(self, position: int) -> int:
        group, element = struct.unpack_from(f"{self.order}HH", self.content, position)
        return int(group) << 16 | int(element)

    def _head(self, position: int) -> tuple[int, int] | None:
        """Return the length of an element's head and of its value; None for no representation."""
        if self.implicit:
            return 8, struct.unpack_from(f"{self.order}I", self.content, position + 4)[0]
        kind = self.content[position + 4 : position + 6]
        if kind in _SHORT:
            return 8, struct.unpack_from(f"{self.order}H", self.content, position + 6)[0]
        if kind in _LONG and position + 12 <= len(self.content):
            return 12, struct.unpack_from(f"{self.order}I", self.content, position + 8)[0]
        return None

    def _is_open(self, position: int) -> bool:
        head = self._head(position)
        return head is not None and head[1] == _UNDEFINED

    def _end(self, position: int) -> int | None:
        """Return where an element ends; None where that cannot be said or lies behind the file."""
        head = self._head(position)
        if head is None:
            return None
        if head[1] == _UNDEFINED:
            if self._tag(position) in _PIXEL_DATA:
                return len(self.content)
            closing = struct.pack(f"{self.order}HHI", 0xFFFE, 0xE0DD, 0)
            found = self.content.find(closing, position)
            return None if found < 0 else found + 8
        end = position + head[0] + head[1]
        return end if end <= len(self.content) else None

    def _is_sure(self, position: int, tag: int) -> bool:
        """Return whether an element needs none behind it: pixels, or a number that they need."""
        return tag in _PIXEL_DATA or (tag in _NUMBERS and (self._head(position) or (0, 0))[1] == 2)

    def _next(self, position: int, last: int) -> int:
        """Return where the next element begins that another one follows, -1 where there is none."""
        for place in range(position, min(position + _NEAR, len(self.content) - 16)):
            tag = self._tag(place)
            if tag >> 16 in _GROUPS and last < tag and self._is_followed(place, tag):
                return place
        return self._landmark(position, last)

    def _is_followed(self, position: int, tag: int) -> bool:
        end = self._end(position)
        return end is not None and (self._is_sure(position, tag) or self._leads_on(end, tag))

    def _leads_on(self, end: int, tag: int) -> bool:
        """Return whether another element, of a higher tag, begins where one ends."""
        if end + 8 > len(self.content):
            return False
        return tag < self._tag(end) <= _PIXEL_DATA[-1] and self._end(end) is not None

    def _landmark(self, position: int, last: int) -> int:
        """Return where the next element of the pixels begins, -1 where there is none."""
        for tag in _LANDMARKS:
            if tag <= last:
                continue
            found = self.content.find(self._pattern(tag), position)
            if found >= 0:
                return found
        return -1

    def _pattern(self, tag: int) -> bytes:
        named = struct.pack(f"{self.order}HH", tag >> 16, tag & 0xFFFF)
        if tag in _PIXEL_DATA:
            return named + (b"" if self.implicit else b"O")
        length = struct.pack(f"{self.order}{'I' if self.implicit else 'H'}", 2)
        return named + (b"" if self.implicit else b"US") + length
