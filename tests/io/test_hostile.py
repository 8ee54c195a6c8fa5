"""Damaged and hostile files: each ends as pixels or as one typed error, in bounded time and memory."""

import io
import json
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000, JPEGBaseline8Bit, JPEGLosslessSV1, RLELossless

from medcnn.errors import ImageError
from medcnn.io import bounded, read_image
from medcnn.io.conformance.example import encode, file_of, image_dataset
from medcnn.io.conformance.syntax_cases import RAMP, codestream

HERE = Path(__file__).resolve().parent
RESULTS = {
    *("pixels", "no_pixels", "truncated", "not_an_image", "too_large", "unsupported", "corrupt"),
}
# 3000 × 3000 is the largest size that the mutations write: 32 bytes a pixel, 256 MiB for tiles, and
# 200 MiB for Python with its libraries.
MOST_MIB = 32 * 9 + 256 + 200
MOST_SECONDS = 20
"""Ten times the worst that was seen, so that a busy machine fails no test."""


def read_mutations(seed, start, stop):
    done = subprocess.run(
        [sys.executable, str(HERE / "hostile.py"), str(seed), str(start), str(stop)],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE.parents[1],
    )
    assert done.returncode == 0, (
        f"crashed or hung behind {done.stdout[-200:]}\n{done.stderr[-3000:]}"
    )
    *rows, memory = done.stdout.splitlines()
    return [json.loads(row) for row in rows], float(memory)


def check_mutations(rows, memory, count):
    assert len(rows) == count
    foreign = [row for row in rows if row[1] not in RESULTS]
    assert foreign == []
    assert memory < MOST_MIB
    assert max(seconds for _, _, seconds in rows) < MOST_SECONDS
    return Counter(result for _, result, _ in rows)


def test_four_hundred_mutations():
    counts = check_mutations(*read_mutations(20, 0, 400), 400)
    # The mutations reach the decoders: neither all is refused at the door nor all is let through.
    assert counts["pixels"] > 60
    assert counts["corrupt"] > 40


@pytest.mark.long
def test_ten_thousand_mutations():
    counts = check_mutations(*read_mutations(1, 0, 10_000), 10_000)
    assert counts["pixels"] > 1_500
    assert counts["corrupt"] > 1_000


def refused(folder, content, kind):
    (folder / "a.dcm").write_bytes(content)
    with pytest.raises(ImageError) as caught:
        read_image(folder / "a.dcm")
    assert caught.value.kind == kind
    return caught.value


@pytest.fixture
def mutations(monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    import mutations

    return mutations


def test_a_deflated_bomb_of_empty_elements_is_refused(tmp_path, mutations):
    content = mutations.bomb(20)
    assert len(content) < 30_000
    assert "data elements" in str(refused(tmp_path, content, "too_large"))


@pytest.mark.long
def test_a_deflated_bomb_above_the_limit_is_refused(tmp_path, mutations):
    assert "after inflating" in str(refused(tmp_path, mutations.bomb(600), "too_large"))


def test_a_flood_of_elements_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded, "MAX_READS", 20_000)
    content = file_of(np.zeros((4, 4), np.uint16))
    place = content.find(b"\x28\x00\x02\x00US")
    empty = struct.pack("<HH2sH", 0x0009, 0x0010, b"LO", 0)
    refused(tmp_path, content[:place] + empty * 50_000 + content[place:], "too_large")


def test_a_million_items_in_a_lut_sequence_are_not_parsed(tmp_path):
    content = file_of(np.zeros((4, 4), np.uint16))
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    head = struct.pack("<HH2sHI", 0x0028, 0x3010, b"SQ", 0, 8_000_000)
    place = content.find(b"\xe0\x7f\x10\x00")
    path = tmp_path / "a.dcm"
    path.write_bytes(content[:place] + head + item * 1_000_000 + content[place:])
    # Sixteen are looked at, and say the same.
    assert [note.kind for note in read_image(path).facts.notes] == ["voi_lut"]


def test_a_size_that_is_a_long_sequence_is_not_parsed(tmp_path):
    content = file_of(np.zeros((4, 4), np.uint16))
    place = content.find(b"\x28\x00\x10\x00US")
    head = struct.pack("<HH2sHI", 0x0028, 0x0010, b"SQ", 0, 8_000_000)
    items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 1_000_000
    refused(tmp_path, content[:place] + head + items + content[place + 10 :], "corrupt")


def test_sequences_nested_without_end_are_left_out(tmp_path):
    content = file_of(np.zeros((4, 4), np.uint16))
    place = content.find(b"\x28\x00\x02\x00US")
    opened = struct.pack(
        "<HH2sHIHHI", 0x0040, 0x0275, b"SQ", 0, 2**32 - 1, 0xFFFE, 0xE000, 2**32 - 1
    )
    path = tmp_path / "a.dcm"
    path.write_bytes(content[:place] + opened * 20_000 + content[place:])
    assert [note.kind for note in read_image(path).facts.notes] == ["damaged_element"]


def test_a_panic_of_a_decoder_is_one_typed_error(tmp_path):
    # A header that points its second segment far behind the end.
    header = struct.pack("<16I", 2, 64, 2**31, *[0] * 13)
    dataset = image_dataset(np.zeros((16, 16), np.uint16), syntax=RLELossless, frames=[header * 2])
    refused(tmp_path, encode(dataset), "corrupt")


def j2k_dataset(side, tile, samples):
    """Return a valid codestream of 16 pixels whose header claims another size, and a data set of it."""
    buffer = io.BytesIO()
    image = np.zeros((16, 16, 3) if samples == 3 else (16, 16), np.uint8)
    Image.fromarray(image).save(buffer, "JPEG2000", no_jp2=True, mct=0)
    frame = bytearray(buffer.getvalue())
    start = frame.find(b"\xff\x51")
    frame[start + 6 : start + 14] = struct.pack(">II", side, side)
    frame[start + 22 : start + 30] = struct.pack(">II", tile, tile)
    elements = {"Rows": side, "Columns": side}
    return image_dataset(image, bits=8, syntax=JPEG2000, frames=[bytes(frame)], **elements)


@pytest.mark.parametrize(("samples", "bytes_a_pixel"), [(1, 16), (3, 32)])
def test_one_large_tile_stays_within_the_bound(tmp_path, samples, bytes_a_pixel):
    (tmp_path / "small.dcm").write_bytes(encode(j2k_dataset(16, 16, samples)))
    (tmp_path / "large.dcm").write_bytes(encode(j2k_dataset(3000, 3000, samples)))
    program = [sys.executable, str(HERE / "peak.py")]
    files = [str(tmp_path / "small.dcm"), str(tmp_path / "large.dcm")]
    done = subprocess.run([*program, *files], capture_output=True, text=True, check=True)
    before, after = (float(line) for line in done.stdout.splitlines())
    # The decoded values alone take one byte a sample, and as floating-point four a pixel.
    assert 4 * 9e6 < (after - before) * 2**20 < bytes_a_pixel * 9e6


def test_a_flood_of_tiles_is_refused(tmp_path):
    error = refused(tmp_path, encode(j2k_dataset(255, 1, 1)), "too_large")
    assert error.found == "65,025"


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_flood_of_scans_is_refused_in_either_kind_of_file(tmp_path, mode):
    buffer = io.BytesIO()
    Image.new(mode, (16, 16), 100).save(buffer, "JPEG", progressive=True)
    stream = buffer.getvalue()
    last = stream.rfind(b"\xff\xda")
    flood = stream[:last] + stream[last:-2] * 200 + stream[-2:]
    image = np.zeros((16, 16, 3) if mode == "RGB" else (16, 16), np.uint8)
    dataset = image_dataset(image, bits=8, syntax=JPEGBaseline8Bit, frames=[flood])
    assert "more scans" in str(refused(tmp_path, encode(dataset), "too_large"))
    (tmp_path / "a.jpg").write_bytes(flood)
    with pytest.raises(ImageError, match="more scans than medcnn decodes"):
        read_image(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(stream)
    assert read_image(tmp_path / "a.jpg").pixels.shape == (16, 16)


def test_a_missing_end_marker_is_a_warning(tmp_path):
    frame = codestream("jpeg_lossless_sv1")[:-20]
    dataset = image_dataset(RAMP, syntax=JPEGLosslessSV1, frames=[frame])
    (tmp_path / "a.dcm").write_bytes(encode(dataset))
    assert "no end marker" in " ".join(read_image(tmp_path / "a.dcm").facts.warnings)
