"""A DICOM file -> a data set, within stated bounds and without a word of what its tags say."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom import config
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medcnn.errors import ImageError
from medcnn.io.bounded import BoundedBytes, BoundedFile

MAX_FILE_BYTES = 512 * 2**20
"""The largest file, and the largest inflated data set, that is read."""

MAX_ELEMENT_BYTES = 256 * 2**10
"""The longest element that is kept beside pixel data and LUT sequences."""

_PREAMBLE = 132
_PIXEL_DATA = (0x7FE00008, 0x7FE00009, 0x7FE00010)  # Float, Double Float and Pixel Data
_BULK = (*_PIXEL_DATA, 0x00283000, 0x00283010)  # Modality and VOI LUT Sequence


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


def open_dataset(path: Path, *, stop_before_pixels: bool = False) -> Dataset:
    """Return the data set of a DICOM file, with or without its File Meta Information.

    Deflated data sets are inflated up to ``MAX_FILE_BYTES`` only (PS3.5 A.5).

    Raises:
        ImageError: ``not_an_image``, ``too_large`` or ``truncated``.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise _too_large(path, f"{size:,} bytes")
    stop = _is_pixel_data if stop_before_pixels else None
    with BoundedFile(io.FileIO(str(path))) as stream:
        is_bare = stream.read(_PREAMBLE)[128:] != b"DICM"
        meta = FileMetaDataset() if is_bare else _read_meta(stream)
        syntax = meta.get("TransferSyntaxUID")
        if syntax is None:
            return _open_unmarked(stream, is_bare=is_bare, stop_before_pixels=stop_before_pixels)
        # Left to pydicom, a few kilobytes would inflate to whatever they like.
        is_deflated = syntax == DeflatedExplicitVRLittleEndian
        source = _inflate(path, meta) if is_deflated else stream
        implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            dataset = read_dataset(source, implicit, little, stop_when=stop)
    ended = any("End of file reached" in str(each.message) for each in told)
    if ended and not any(tag in dataset for tag in _PIXEL_DATA):
        raise EOFError("the file ends before its pixel data do")
    dataset.file_meta = meta
    return _without_bulk(dataset)


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
        element: Any = dataset.get_item(tag)
        is_long = isinstance(element, RawDataElement) and element.length > MAX_ELEMENT_BYTES
        if is_long and tag not in _BULK:
            del dataset[tag]
    return dataset


def is_part10(path: Path) -> bool:
    """Return whether a file starts with the DICOM preamble and prefix (PS3.10 7.1)."""
    with path.open("rb") as stream:
        return stream.read(_PREAMBLE)[128:] == b"DICM"


def _inflate(path: Path, meta: FileMetaDataset) -> BinaryIO:
    content = path.read_bytes()
    # The group length counts from behind its own 12 bytes (PS3.10 7.1).
    length = meta.get("FileMetaInformationGroupLength")
    if length is None:
        raise InvalidDicomError("no File Meta Information Group Length")
    start = _PREAMBLE + 12 + int(length)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(content[start:], MAX_FILE_BYTES)
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
