"""Optional elements in any state of decay, written byte by byte, beside pixels that are good."""

import struct

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medcnn.io import read_image
from medcnn.io.conformance.example import encode, image_dataset
from medcnn.io.salvage import salvage

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096, "PatientID": "p1"}
LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT")
KINDS = (*LONG, *(b"CS", b"DA", b"DS", b"FD", b"IS", b"LO", b"PN", b"SS", b"UI", b"US", b"ZZ"))
OPTIONAL = (
    *(0x00080005, 0x00080016, 0x00080020, 0x00080060, 0x00080068, 0x00082218, 0x00090010),
    *(0x00091001, 0x00100010, 0x00100030, 0x00101010, 0x00185101, 0x0020000D, 0x00280034),
    *(0x00280102, 0x00280106, 0x00280120, 0x00280121, 0x00281050, 0x00281052, 0x00281053),
    *(0x00281055, 0x00281056, 0x00283000, 0x00283010, 0x00540220, 0x20500010, 0x20500020),
)
GARBAGE = (
    *(b"", b"abc\\def", b"x" * 90, b"\xff" * 7, b"1e400 ", b"   "),
    struct.pack("<HHI", 0xFFFE, 0xE000, 2**32 - 1) + bytes(7),
    struct.pack("<HHI", 0xFFFE, 0xE000, 500),
)


def head(tag, kind, length, *, implicit):
    named = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return named + struct.pack("<I", length)
    if kind in LONG:
        return named + kind + b"\0\0" + struct.pack("<I", length)
    return named + kind + struct.pack("<H", min(length, 65535))


def elements(content, *, implicit):
    """Return what stands before the data set, and its elements by their tags."""
    position = start = 144 + struct.unpack_from("<I", content, 140)[0]
    found = {}
    while position < len(content):
        group, element = struct.unpack_from("<HH", content, position)
        is_long = not implicit and content[position + 4 : position + 6] in LONG
        place = position + (4 if implicit else 8 if is_long else 6)
        size = 4 if implicit or is_long else 2
        length = int.from_bytes(content[place : place + size], "little")
        end = place + size + length
        found[group << 16 | element] = content[position:end]
        position = end
    return content[:start], found


def good(*, implicit):
    syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return elements(encode(image_dataset(RAMP, syntax=syntax, **WINDOW)), implicit=implicit)


def read(folder, before, found):
    path = folder / "a.dcm"
    path.write_bytes(before + b"".join(found[tag] for tag in sorted(found)))
    return read_image(path)


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("lies", [False, True])
def test_good_pixels_survive_any_optional_element(tmp_path, implicit, lies):
    rng = np.random.default_rng([implicit, lies])
    before, whole = good(implicit=implicit)
    for _ in range(30):
        found = dict(whole)
        for tag in rng.choice(OPTIONAL, 2, replace=False):
            garbage, kind = GARBAGE[rng.integers(len(GARBAGE))], KINDS[rng.integers(len(KINDS))]
            length = int(rng.choice([len(garbage) + 2, 300, 2**31])) if lies else len(garbage)
            found[int(tag)] = head(int(tag), kind, length, implicit=implicit) + garbage
        pixels = read(tmp_path, before, found).pixels
        # A window, a rescale or a padding may be lost; the chest is there, dark to bright.
        assert pixels.shape == (64, 64)
        assert np.corrcoef(pixels.ravel(), RAMP.ravel())[0, 1] > 0.9


def test_a_broken_element_costs_itself_alone(tmp_path):
    before, found = good(implicit=False)
    found[0x00080005] = head(0x00080005, b"CS", 4, implicit=False) + b"a\0\0b"
    image = read(tmp_path, before, found)
    np.testing.assert_allclose(image.pixels, RAMP / 4095, atol=1e-6)
    assert image.facts.patient_id == "p1"
    assert [note.kind for note in image.facts.notes] == ["damaged_element"]


def test_whole_elements_are_kept_and_others_stepped_over():
    before, found = good(implicit=False)
    character_set = head(0x00080005, b"CS", 4, implicit=False) + b"odd\0"
    open_sequence = head(0x00082218, b"SQ", 2**32 - 1, implicit=False)
    open_sequence += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    broken = {0x00080005: character_set, 0x00082218: open_sequence}
    every = found | broken
    content = before + b"".join(every[tag] for tag in sorted(every))
    kept = salvage(content, len(before), implicit=False, little=True)
    assert kept == b"".join(found[tag] for tag in sorted(found))


def test_nothing_is_made_of_nothing():
    assert salvage(b"", 0, implicit=False, little=True) == b""
    assert salvage(b"hello, world" * 9, 0, implicit=False, little=True) == b""
