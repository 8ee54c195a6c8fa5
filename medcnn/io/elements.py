"""One element of a data set, whatever state it is in: optional ones must not cost good pixels.

Anonymisers, archives and old devices leave elements of another VR than the standard's, of other
lengths, with text where numbers belong. What can be read is, and the rest is nothing, or NaN.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.filereader import read_sequence_item
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from medcnn.io.bounded import BoundedBytes, TooManyReads

UNREADABLE = (
    *(TypeError, ValueError, AttributeError, NotImplementedError, LookupError, OverflowError),
    *(EOFError, OSError, struct.error, BytesLengthException),
)
"""What pydicom raises on an element that is not what its VR says."""

MOST_ITEMS = 16
"""So many items of a sequence of LUTs are looked at."""

_BINARY = ("US", "SS", "US or SS", "OW", "US or OW", "US or SS or OW")
_PADDING = " \t\r\n\0"


def text(dataset: Dataset, keyword: str) -> str:
    """Return an element as text: the first of several values, empty where there is none to read.

    Blanks, nulls and whatever else pads a value are no part of it (PS3.5 6.2).
    """
    value = _value(dataset, keyword)
    if isinstance(value, MultiValue | list | tuple):
        value = value[0] if value else ""
    if isinstance(value, Sequence | Dataset):
        return ""
    try:
        if isinstance(value, bytes):
            value = value.decode("ascii", "replace")
        return str(value if value is not None else "").strip(_PADDING)
    except UNREADABLE:
        return ""


def texts(dataset: Dataset, keyword: str) -> list[str]:
    """Return the values of an element of several, in capitals; none where it has one or none."""
    value = _value(dataset, keyword)
    return [str(each).strip().upper() for each in value] if isinstance(value, MultiValue) else []


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return the numbers of an element: none where it is absent or empty, NaN for what is none.

    >>> dataset = Dataset()
    >>> dataset.add_new("WindowWidth", "LO", ["wide", "4096,5"])
    >>> numbers(dataset, "WindowWidth"), numbers(dataset, "WindowCenter")
    ([nan, 4096.5], [])
    """
    value = _value(dataset, keyword)
    if value is None or value == "" or isinstance(value, Sequence | Dataset):
        return []
    if isinstance(value, bytes):
        value = _of_bytes(dataset, keyword, value)
    several = value if isinstance(value, MultiValue | list | tuple) else [value]
    return [_number(each) for each in several]


def integer(dataset: Dataset, keyword: str) -> int | None:
    """Return the first number of an element if it is a whole one, else None."""
    found = numbers(dataset, keyword)
    return int(found[0]) if found and found[0].is_integer() else None


def codes(dataset: Dataset, keyword: str) -> Iterator[Dataset]:
    """Yield the items of a short sequence of codes; none where it is none or cannot be read."""
    value = _value(dataset, keyword)
    if isinstance(value, Sequence):
        yield from value


def items(dataset: Dataset, keyword: str) -> Iterator[Dataset]:
    """Yield at most ``MOST_ITEMS`` items of a sequence, each parsed when it is asked for.

    Raises:
        ValueError: If the element is no sequence, or an item of it cannot be parsed.
    """
    tag = tag_for_keyword(keyword)
    if tag is None or tag not in dataset:
        return
    element: Any = dataset.get_item(tag)
    if not isinstance(element, RawDataElement):
        if not isinstance(element.value, Sequence):
            raise ValueError("no sequence")
        yield from element.value[:MOST_ITEMS]
        return
    if not element.value:
        return
    if not isinstance(element.value, bytes) or element.VR not in ("SQ", "UN", None):
        raise ValueError("no sequence")
    stream = BoundedBytes(element.value)
    for _ in range(MOST_ITEMS):
        if stream.tell() >= len(element.value):
            return
        yield _item(stream, element)


def _item(stream: BoundedBytes, element: RawDataElement) -> Dataset:
    implicit, little = element.is_implicit_VR, element.is_little_endian
    try:
        item = read_sequence_item(stream, implicit, little, "iso8859", 0)
    except TooManyReads:
        raise
    except UNREADABLE as error:
        raise ValueError("an item that cannot be parsed") from error
    if item is None:
        raise ValueError("an end before its time")
    return item


def _value(dataset: Dataset, keyword: str) -> Any:
    """Return what pydicom makes of an element, its bytes where that is nothing, None without it."""
    try:
        return dataset.get(keyword)
    except UNREADABLE:
        tag = tag_for_keyword(keyword)
    try:
        return getattr(dataset.get_item(tag), "value", None) if tag is not None else None
    except UNREADABLE:
        return None


def _of_bytes(dataset: Dataset, keyword: str, content: bytes) -> list[Any]:
    """Return the values of bytes: 16-bit integers where the dictionary says so, else text."""
    tag = tag_for_keyword(keyword)
    element: Any = dataset.get_item(tag) if tag is not None else None
    raw = content.strip(_PADDING.encode())
    is_text = bool(raw) and all(32 <= byte < 127 for byte in raw)
    if getattr(element, "VR", None) in (*_BINARY, "UN", None) and not is_text:
        little = getattr(element, "is_little_endian", True)
        order = "<" if little else ">"
        return list(struct.unpack(f"{order}{len(content) // 2}H", content[: len(content) // 2 * 2]))
    return list(content.decode("ascii", "replace").split("\\"))


def _number(value: Any) -> float:
    try:
        if isinstance(value, str):
            value = value.strip(_PADDING).replace(",", ".")
        return float(value)
    except UNREADABLE:
        return float("nan")
