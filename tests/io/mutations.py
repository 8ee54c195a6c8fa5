"""Seeded damage to DICOM files: what a broken disk, a bad exporter or an attacker would do."""

import io
import struct
import zlib

import numpy as np
import pydicom
from pydicom.uid import DeflatedExplicitVRLittleEndian

from medcnn.io.conformance.check import PARTS
from medcnn.io.conformance.example import encode, image_dataset

NUMBERS = (0, 1, 2, 7, 127, 128, 255, 256, 32767, 32768, 65534, 65535, 2**31 - 1, 2**31, 2**32 - 1)
FIELDS = (
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"),
    *("PixelRepresentation", "PlanarConfiguration", "NumberOfFrames", "PixelPaddingValue"),
    *("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"),
)
INTERPRETATIONS = (
    *("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT"),
    *("PALETTE COLOR", "ARGB", "", "\u00e4"),
)


def seeds():
    """Return one file of every conformance case that ends as pixels, the coded ones several times."""
    cases = [*PARTS["transfer syntax"] * 4, *(case for part in PARTS.values() for case in part)]
    return [case.make() for case in cases if case.pixels is not None]


def flip_bits(content, rng):
    damaged = bytearray(content)
    for place in rng.integers(0, len(content), rng.integers(1, 9)):
        damaged[place] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def flip_late(content, rng):
    """Flip bits behind the preamble only, most of them in the pixels."""
    start = min(len(content) - 1, 300)
    return content[:start] + flip_bits(content[start:], rng)


def cut(content, rng):
    return content[: int(rng.integers(0, len(content)))]


def fill(content, rng):
    start = int(rng.integers(0, len(content)))
    length = int(rng.integers(1, 64))
    value = bytes([int(rng.choice([0, 255, rng.integers(256)]))])
    return content[:start] + value * length + content[start + length :]


def splice(content, rng):
    start, end, to = sorted(int(place) for place in rng.integers(0, len(content), 3))
    return content[:to] + content[start:end] + content[end:]


def drop(content, rng):
    start = int(rng.integers(0, len(content)))
    return content[:start] + content[start + int(rng.integers(1, 40)) :]


def lie(content, rng):
    """Overwrite two or four bytes, as a length or a size, by a number that hurts."""
    start = int(rng.integers(128, max(len(content) - 4, 129)))
    number = int(rng.choice(NUMBERS))
    layout = str(rng.choice(["<I", ">I", "<H", ">H"]))
    packed = struct.pack(layout, number if layout[1] == "I" else number & 0xFFFF)
    return content[:start] + packed + content[start + len(packed) :]


def lie_in_codestream(content, rng):
    """Overwrite numbers in the first 120 bytes of a coded frame, where decoders read their sizes."""
    places = [content.find(mark) for mark in (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")]
    found = [place for place in places if place > 0]
    if not found:
        return lie(content, rng)
    start = found[0] + int(rng.integers(2, 120))
    packed = struct.pack(">H", int(rng.choice(NUMBERS)) & 0xFFFF)
    return content[:start] + packed + content[start + 2 :]


def lie_in_field(content, rng):
    """Write the file again with one or two fields that contradict the pixels."""
    with pydicom.config.disable_value_validation():
        try:
            dataset = pydicom.dcmread(io.BytesIO(content), force=True)
        except (ValueError, NotImplementedError, zlib.error):  # its transfer syntax is false
            return lie(content, rng)
        if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
            return lie(content, rng)
        for _ in range(int(rng.integers(1, 3))):
            name = str(rng.choice(FIELDS))
            number = int(rng.choice(NUMBERS))
            text = name in ("NumberOfFrames", *FIELDS[-4:])
            setattr(dataset, name, str(number) if text else number & 0xFFFF)
        if rng.random() < 0.2:
            dataset.PhotometricInterpretation = str(rng.choice(INTERPRETATIONS))
        try:
            return encode(dataset)
        except (ValueError, TypeError, AttributeError, struct.error, KeyError, OSError):
            return lie(content, rng)


def resize_both(content, rng):
    """Give data set and codestream the same false size, so that no comparison finds it."""
    rows, columns = (int(number) for number in rng.choice([1, 15, 64, 1000, 3000], 2))
    changed = content.replace(
        b"\x28\x00\x10\x00US\x02\x00\x10\x00",
        b"\x28\x00\x10\x00US\x02\x00" + struct.pack("<H", rows),
    ).replace(
        b"\x28\x00\x11\x00US\x02\x00\x10\x00",
        b"\x28\x00\x11\x00US\x02\x00" + struct.pack("<H", columns),
    )
    for mark in range(0xC0, 0xF8):
        head = changed.find(bytes([0xFF, mark]) + b"\x00\x0b")
        if head > 0 and changed[head + 5 : head + 9] == struct.pack(">HH", 16, 16):
            return changed[: head + 5] + struct.pack(">HH", rows, columns) + changed[head + 9 :]
    head = changed.find(b"\xff\x4f\xff\x51")
    if head > 0:
        size = struct.pack(">II", columns, rows)
        changed = changed[: head + 8] + size + changed[head + 16 :]
        if rng.random() < 0.5:
            changed = changed[: head + 24] + size + changed[head + 32 :]
    return changed


def bomb(megabytes, *, is_dataset=True):
    """Return a deflated data set that inflates to so many megabytes from a few kilobytes."""
    stored = np.zeros((16, 16), np.uint16)
    dataset = image_dataset(stored, syntax=DeflatedExplicitVRLittleEndian)
    content = encode(dataset)
    start = 144 + struct.unpack_from("<I", content, 140)[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    inflated = zlib.decompress(content[start:], -zlib.MAX_WBITS) if is_dataset else b""
    body = packer.compress(inflated)
    for _ in range(megabytes):
        body += packer.compress(bytes(2**20))
    return content[:start] + body + packer.flush()


MUTATIONS = (
    *(flip_bits, flip_late, cut, fill, splice, drop, lie, lie_in_codestream, lie_in_field),
    resize_both,
)


def mutated(files, index, seed):
    """Return the mutation of that number: the same bytes in every run."""
    rng = np.random.default_rng([seed, index])
    content = files[int(rng.integers(len(files)))]
    mutate = MUTATIONS[index % len(MUTATIONS)]
    content = mutate(content, rng)
    # Some damage comes on top of other damage.
    return flip_late(content, rng) if rng.random() < 0.1 and len(content) > 400 else content
