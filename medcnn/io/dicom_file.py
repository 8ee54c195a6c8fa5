"""A DICOM file -> a data set, within stated bounds and without a word of what its tags say."""

from __future__ import annotations

import contextlib
import io
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset, read_file_meta_info
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medcnn.errors import ImageError

MAX_FILE_BYTES = 512 * 2**20
"""The largest file, and the largest inflated data set, that is read."""

_PREAMBLE = 132


@contextlib.contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Silence pydicom's warnings, whose texts quote the values of tags (PHI)."""
    with config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_dataset(path: Path, *, stop_before_pixels: bool = False) -> Dataset:
    """Return the data set of a DICOM file, with or without its File Meta Information.

    Deflated data sets are inflated up to ``MAX_FILE_BYTES`` only (PS3.5 A.5).

    Raises:
        ImageError: ``not_an_image``, ``too_large`` or ``truncated``.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise _too_large(path, f"{size:,} bytes")
    if not is_part10(path):
        return _open_bare(path, stop_before_pixels)
    meta = FileMetaDataset(read_file_meta_info(path))
    if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        return _open_deflated(path, meta, stop_before_pixels)
    dataset = pydicom.dcmread(path, stop_before_pixels=stop_before_pixels)
    if "TransferSyntaxUID" not in dataset.file_meta:
        _guess_syntax(dataset)
    return dataset


def is_part10(path: Path) -> bool:
    """Return whether a file starts with the DICOM preamble and prefix (PS3.10 7.1)."""
    with path.open("rb") as stream:
        return stream.read(_PREAMBLE)[128:] == b"DICM"


def _open_bare(path: Path, stop_before_pixels: bool) -> Dataset:
    dataset = pydicom.dcmread(path, force=True, stop_before_pixels=stop_before_pixels)
    # Any bytes at all parse as some implicit data set; every real one identifies itself (group 0008).
    if not any(tag.group == 0x0008 for tag in list(dataset.keys())):
        raise InvalidDicomError("no data elements of group 0008")
    _guess_syntax(dataset)
    return dataset


def _guess_syntax(dataset: Dataset) -> None:
    implicit, little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _open_deflated(path: Path, meta: FileMetaDataset, stop_before_pixels: bool) -> Dataset:
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
    stop = _is_pixel_data if stop_before_pixels else None
    dataset = read_dataset(io.BytesIO(inflated), False, True, stop_when=stop)
    dataset.file_meta = meta
    return dataset


def _is_pixel_data(tag: int, _vr: str | None, _length: int) -> bool:
    return tag == 0x7FE00010


def _too_large(path: Path, found: str) -> ImageError:
    return ImageError(
        path,
        "is larger than medcnn reads",
        kind="too_large",
        expected=f"at most {MAX_FILE_BYTES:,} bytes",
        found=found,
        remedy="split multi-frame series into single images",
    )
