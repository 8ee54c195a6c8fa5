"""A DICOM file -> a data set, within stated bounds and without a word of what its tags say."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom import config
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medcnn.errors import ImageError
from medcnn.io.bounded import BoundedBytes, BoundedFile, TooManyReads
from medcnn.io.elements import UNREADABLE
from medcnn.io.notes import Note
from medcnn.io.salvage import salvage

MAX_FILE_BYTES = 512 * 2**20
"""The largest file, and the largest inflated data set, that is read."""

MAX_ELEMENT_BYTES = 256 * 2**10
"""The longest element that is kept beside pixel data and LUT sequences."""

_PREAMBLE = 132
_PLAIN = (
    *(ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian),
    DeflatedExplicitVRLittleEndian,
)
_PIXEL_DATA = (0x7FE00008, 0x7FE00009, 0x7FE00010)  # Float, Double Float and Pixel Data
_ESSENTIAL = ((0x00280010,), (0x00280011,), (0x00280100,), _PIXEL_DATA)
"""Rows, Columns, Bits Allocated and the pixels."""

_BULK = (*_PIXEL_DATA, 0x00283000, 0x00283010)  # Modality and VOI LUT Sequence


@dataclass(frozen=True)
class Encoding:
    """How the elements of a data set are written (PS3.5 7.1)."""

    implicit: bool
    little: bool
    deflated: bool = False

    @classmethod
    def of(cls, syntax: UID) -> Encoding:
        """Return the encoding that a transfer syntax means; those of coded pixels are explicit."""
        return cls(
            implicit=syntax == ImplicitVRLittleEndian,
            little=syntax != ExplicitVRBigEndian,
            deflated=syntax == DeflatedExplicitVRLittleEndian,
        )

    @property
    def syntax(self) -> UID:
        """The transfer syntax of uncompressed pixels in this encoding."""
        if self.deflated:
            return DeflatedExplicitVRLittleEndian
        if self.implicit:
            return ImplicitVRLittleEndian
        return ExplicitVRLittleEndian if self.little else ExplicitVRBigEndian


def syntax_name(syntax: UID) -> str:
    """Return the name of a transfer syntax; an unknown UID may be any text, and is not repeated."""
    return syntax.name if syntax.is_valid and syntax.name != syntax else "none that is known"


def told_encoding(start: bytes) -> Encoding | None:
    """Return the encoding of the first element of a data set, None where it is none.

    Data sets begin with group 0008, which tells the order of bytes, and two capitals that name the
    representation where it is explicit.
    """
    orders = {b"\x08\x00": True, b"\x00\x08": False}
    little = orders.get(start[:2])
    if little is None or len(start) < 8:
        return None
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    return Encoding(not explicit, little) if explicit or little else None


@contextlib.contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Silence pydicom's warnings and log entries, whose texts quote the values of tags (PHI)."""
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with config.disable_value_validation(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


@dataclass(frozen=True)
class Opened:
    """A data set with its File Meta Information, and what is wrong with the latter."""

    dataset: Dataset
    notes: tuple[Note, ...] = ()


def open_file(path: Path, *, stop_before_pixels: bool = False) -> Opened:
    """Return the data set of a DICOM file, with or without its File Meta Information.

    Deflated data sets are inflated up to ``MAX_FILE_BYTES`` only (PS3.5 A.5). Where the first bytes of
    the data set are in another encoding than the Transfer Syntax UID says, they are right.

    Raises:
        ImageError: ``not_an_image``, ``too_large`` or ``truncated``.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise _too_large(path, f"{size:,} bytes")
    with BoundedFile(io.FileIO(str(path))) as stream:
        is_bare = stream.read(_PREAMBLE)[128:] != b"DICM"
        meta = FileMetaDataset() if is_bare else _read_meta(stream)
        syntax = meta.get("TransferSyntaxUID")
        if not isinstance(syntax, UID) or not syntax:
            dataset = _open_unmarked(stream, is_bare=is_bare, stop_before_pixels=stop_before_pixels)
            name = dataset.file_meta.TransferSyntaxUID.name
            said = "File Meta Information is" if is_bare else "Transfer Syntax UID is"
            note = Note("transfer_syntax", f"{said} missing: {name}, as it seems, is taken")
            return Opened(dataset, (note,))
        source, encoding = _encoded(path, stream, syntax)
        dataset, notes = _parsed(source, encoding, stop_before_pixels=stop_before_pixels)
    dataset.file_meta = meta
    if encoding != Encoding.of(syntax):
        said = f"Transfer Syntax UID says {syntax_name(syntax)}, the data set is {encoding.syntax.name}"
        notes = (*notes, Note("transfer_syntax", said))
        if syntax in _PLAIN:
            meta.TransferSyntaxUID = encoding.syntax
    return Opened(_without_bulk(dataset), notes)


def _parsed(
    source: BinaryIO, encoding: Encoding, *, stop_before_pixels: bool
) -> tuple[Dataset, tuple[Note, ...]]:
    """Return the elements, without those that keep the others from being read."""
    start, failure = source.tell(), None
    dataset = Dataset()
    try:
        dataset = _read(source, encoding, stop_before_pixels=stop_before_pixels)
    except TooManyReads:
        raise
    except (*UNREADABLE, RecursionError) as error:
        failure = error
    if _essentials(dataset) == len(_ESSENTIAL) - stop_before_pixels:
        return dataset, ()
    source.seek(0)
    content, options = source.read(), {"implicit": encoding.implicit, "little": encoding.little}
    whole = BoundedBytes(salvage(content, start, **options))
    try:
        salvaged = _read(whole, encoding, stop_before_pixels=stop_before_pixels)
    except (*UNREADABLE, RecursionError):
        salvaged = Dataset()
    if _essentials(salvaged) > _essentials(dataset):
        note = Note("damaged_element", "an element of the header cannot be read: it is left out")
        return salvaged, (note,)
    if failure is not None:
        raise failure
    return dataset, ()


def _essentials(dataset: Dataset) -> int:
    """Return how many of the elements are there that an image cannot do without."""
    return sum(any(tag in dataset for tag in tags) for tags in _ESSENTIAL)


def _read(source: BinaryIO, encoding: Encoding, *, stop_before_pixels: bool) -> Dataset:
    stop = _is_pixel_data if stop_before_pixels else None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        dataset = read_dataset(source, encoding.implicit, encoding.little, stop_when=stop)
    ended = any("End of file reached" in str(each.message) for each in told)
    if ended and not any(tag in dataset for tag in _PIXEL_DATA):
        raise EOFError("the file ends before its pixel data do")
    return dataset


def _encoded(path: Path, stream: BoundedFile, syntax: UID) -> tuple[BinaryIO, Encoding]:
    """Return the data set's bytes, inflated if need be, and how they are encoded."""
    declared, start = Encoding.of(syntax), stream.tell()
    # Left to pydicom, a few kilobytes would inflate to whatever they like.
    if declared.deflated and told_encoding(stream.peek(8)[:8]) is None:
        return _inflate(path, start), declared
    told = told_encoding(stream.peek(8)[:8])
    if told is not None or declared.deflated:
        return stream, told or declared
    try:
        inflated = _inflate(path, start)
    except (zlib.error, ImageError):  # what seemed deflated is not
        return stream, declared
    told = told_encoding(inflated.read(8))
    inflated.seek(0)
    return (inflated, Encoding(False, True, True)) if told else (stream, declared)


def _read_meta(stream: BinaryIO) -> FileMetaDataset:
    return FileMetaDataset(read_dataset(stream, False, True, stop_when=_is_behind_meta))


def _is_behind_meta(tag: int, _vr: str | None, _length: int) -> bool:
    return tag >> 16 != 0x0002


def _is_pixel_data(tag: int, _vr: str | None, _length: int) -> bool:
    return tag in _PIXEL_DATA


def _open_unmarked(stream: BinaryIO, *, is_bare: bool, stop_before_pixels: bool) -> Dataset:
    """Return a data set whose transfer syntax nothing names, as pydicom guesses it."""
    stream.seek(0)
    dataset = pydicom.dcmread(stream, force=is_bare, stop_before_pixels=stop_before_pixels)
    # Any bytes at all parse as some implicit data set; every real one identifies itself (group 0008).
    if is_bare and not any(tag.group == 0x0008 for tag in list(dataset.keys())):
        raise InvalidDicomError("no data elements of group 0008")
    implicit, little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return _without_bulk(dataset)


def _without_bulk(dataset: Dataset) -> Dataset:
    """Drop long elements that no reader needs: parsing one as a sequence may take minutes."""
    for tag in list(dataset.keys()):
        element: Any = dataset.get_item(tag, keep_deferred=True)
        is_long = isinstance(element, RawDataElement) and element.length > MAX_ELEMENT_BYTES
        if is_long and tag not in _BULK:
            del dataset[tag]
    return dataset


def is_part10(path: Path) -> bool:
    """Return whether a file starts with the DICOM preamble and prefix (PS3.10 7.1)."""
    with path.open("rb") as stream:
        return stream.read(_PREAMBLE)[128:] == b"DICM"


def _inflate(path: Path, start: int) -> BinaryIO:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(path.read_bytes()[start:], MAX_FILE_BYTES)
    if inflater.unconsumed_tail:
        raise _too_large(path, f"more than {MAX_FILE_BYTES:,} bytes after inflating")
    if not inflater.eof:
        raise ImageError(
            path,
            "the deflated data set ends too early",
            kind="truncated",
            remedy="export or copy the file again",
        )
    return BoundedBytes(inflated)


def _too_large(path: Path, found: str) -> ImageError:
    return ImageError(
        path,
        "is larger than medcnn reads",
        kind="too_large",
        expected=f"at most {MAX_FILE_BYTES:,} bytes",
        found=found,
        remedy="split multi-frame series into single images",
    )
