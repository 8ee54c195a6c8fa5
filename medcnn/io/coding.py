"""How Pixel Data are coded, by what they hold: a transfer syntax may name something else."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import UID

from medcnn.io.bounded import BoundedBytes, TooManyReads
from medcnn.io.codestream import Header, read_header
from medcnn.io.decoders import J2K
from medcnn.io.dicom_file import syntax_name
from medcnn.io.elements import UNREADABLE, integer
from medcnn.io.notes import Note

_ITEM = b"\xfe\xff\x00\xe0"
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")
_FAMILIES = (
    (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit),
    (uid.JPEGLosslessSV1, uid.JPEGLossless),
    uid.JPEGLSTransferSyntaxes,
    J2K,
    uid.RLETransferSyntaxes,
)
"""Syntaxes whose codestreams a decoder of any of them takes, the first of each for want of a name."""

_BY_MARKER = {0xC3: uid.JPEGLosslessSV1, 0xF7: uid.JPEGLSLossless}


@dataclass(frozen=True)
class Coding:
    """How the first frame is coded.

    Attributes:
        syntax: The transfer syntax of the pixels.
        frame: The coded frame, None where pixels are not compressed.
        header: What the codestream says of itself, None where it has no header (RLE).
        notes: What is not as it should be.
    """

    syntax: UID
    frame: bytes | None = None
    header: Header | None = None
    notes: tuple[Note, ...] = ()


def find_coding(dataset: Dataset) -> Coding:
    """Return how the pixels of a data set are coded.

    Raises:
        ValueError: If a codestream ends inside its header, or the fragments cannot be told apart.
    """
    declared = UID(str(dataset.file_meta.get("TransferSyntaxUID", "")))
    content = dataset.get("PixelData")
    if not isinstance(content, bytes):
        return Coding(declared)
    is_coded = _is_coded(declared)
    native = _native_bytes(dataset)
    if content.startswith(_ITEM):
        if is_coded or len(content) < native or _starts_code(content):
            return _of_fragments(declared, content, max(integer(dataset, "NumberOfFrames") or 1, 1))
        return Coding(declared)
    if content.startswith(_STARTS) and (is_coded or len(content) < native):
        said = "Pixel Data are a codestream without fragments"
        found = _of_frame(declared, content)
        return replace(found, notes=(*found.notes, Note("transfer_syntax", said)))
    if is_coded and len(content) >= native > 0:
        return Coding(uid.ExplicitVRLittleEndian, notes=(_note(declared, "uncompressed pixels"),))
    return Coding(declared)


def _of_fragments(declared: UID, content: bytes, frames: int) -> Coding:
    try:
        frame = bytes(get_frame(BoundedBytes(content), 0, number_of_frames=frames))
        notes: tuple[Note, ...] = ()
    except TooManyReads:
        raise
    except UNREADABLE:
        if frames == 1:
            raise
        frame = bytes(get_frame(BoundedBytes(content), 0, number_of_frames=1))
        notes = (Note("size", "Number of Frames contradicts the fragments: all are one image"),)
    found = _of_frame(declared, frame)
    return replace(found, notes=(*notes, *found.notes))


def _of_frame(declared: UID, frame: bytes) -> Coding:
    """Return the coding of one frame: its own where the declared one is of another family."""
    if _is_rle(frame):
        syntax = uid.RLELossless
        header = None
    elif declared == uid.RLELossless and not frame.startswith(_STARTS):
        return Coding(declared, frame)
    elif _is_coded(declared) or frame.startswith(_STARTS):
        header = read_header(frame)
        syntax = _syntax_of(header)
    else:
        return Coding(declared, frame)
    family = next(each for each in _FAMILIES if syntax in each)
    is_deeper = syntax == uid.JPEGExtended12Bit and declared == uid.JPEGBaseline8Bit
    if declared in family and not is_deeper:
        return Coding(declared, frame, header)
    return Coding(syntax, frame, header, (_note(declared, syntax.name),))


def _syntax_of(header: Header) -> UID:
    if header.marker is None:
        return uid.JPEG2000Lossless
    if header.marker in _BY_MARKER:
        return _BY_MARKER[header.marker]
    return uid.JPEGExtended12Bit if header.precision > 8 else uid.JPEGBaseline8Bit


def _note(declared: UID, held: str) -> Note:
    said = f"Transfer Syntax UID says {syntax_name(declared)}, the file holds {held}"
    return Note("transfer_syntax", said)


def _is_coded(syntax: UID) -> bool:
    return any(syntax in family for family in _FAMILIES)


def _is_rle(frame: bytes) -> bool:
    """Return whether a frame begins with the header of RLE (PS3.5 G.5)."""
    if len(frame) < 64:
        return False
    count, first, *others = struct.unpack_from("<16I", frame)
    used, unused = others[: max(count - 1, 0)], others[max(count - 1, 0) :]
    return 1 <= count <= 15 and first == 64 and not any(unused) and used == sorted(used)


def _starts_code(content: bytes) -> bool:
    """Return whether the second item of fragments, behind the offset table, starts a codestream."""
    length = int.from_bytes(content[4:8], "little")
    second = content[8 + length : 8 + length + 20]
    return second.startswith(_ITEM) and second[8:].startswith(_STARTS)


def _native_bytes(dataset: Dataset) -> int:
    """Return how long one uncompressed frame is as the data set describes it, 0 if it does not."""
    sides = [integer(dataset, name) or 0 for name in ("Rows", "Columns")]
    samples = integer(dataset, "SamplesPerPixel") or 1
    return sides[0] * sides[1] * samples * max((integer(dataset, "BitsAllocated") or 8) // 8, 1)
