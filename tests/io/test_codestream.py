import io
import struct

import numpy as np
import pytest
from PIL import Image as Pillow

from medcnn.io.codestream import Header, read_header
from medcnn.io.conformance.syntax_cases import codestream


@pytest.mark.parametrize(
    ("name", "precision", "signed"),
    [
        ("jpeg_extended", 12, False),
        ("jpeg_lossless", 12, False),
        ("jpeg_ls", 16, False),
        ("jpeg_2000_lossless", 12, False),
        ("jpeg_2000_lossless_signed", 16, True),
        ("htj2k", 16, False),
    ],
)
def test_every_coding_tells_its_size(name, precision, signed):
    header = read_header(codestream(name))
    assert (header.rows, header.columns, header.samples) == (16, 16, 1)
    assert (header.precision, header.signed) == (precision, signed)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_as_pillow_writes_it(mode):
    buffer = io.BytesIO()
    Pillow.fromarray(np.zeros((7, 9), np.uint8)).convert(mode).save(
        buffer, "JPEG", progressive=True
    )
    # Progressive coding by libjpeg: six scans of a grey image, ten of a coloured one.
    scans = {"L": 6, "RGB": 10}[mode]
    assert read_header(buffer.getvalue()) == Header(7, 9, 8, len(mode), scans=scans)


@pytest.mark.parametrize(("mode", "scans"), [("L", 1), ("RGB", 1)])
def test_a_sequential_jpeg_has_one_scan(mode, scans):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (99, 99), dtype=np.uint8)
    Pillow.fromarray(noise).convert(mode).save(buffer, "JPEG", quality=100)
    assert read_header(buffer.getvalue()).scans == scans


@pytest.mark.parametrize(("tile", "tiles"), [(300, 1), (100, 4), (50, 12), (49, 20), (1, 30000)])
def test_jpeg_2000_tells_its_tiles(tile, tiles):
    buffer = io.BytesIO()
    Pillow.fromarray(np.zeros((150, 200), np.uint8)).save(buffer, "JPEG2000", no_jp2=True)
    stream = bytearray(buffer.getvalue())
    assert read_header(bytes(stream)).tiles == 1
    stream[24:32] = struct.pack(">II", tile, tile)
    assert read_header(bytes(stream)).tiles == tiles


def test_tiles_without_pixels_are_an_error():
    stream = bytearray(codestream("jpeg_2000_lossless"))
    stream[24:28] = bytes(4)
    with pytest.raises(ValueError, match="tiles without pixels"):
        read_header(bytes(stream))


def test_fill_bytes_before_a_marker_are_skipped():
    stream = codestream("jpeg_lossless_sv1")
    assert read_header(stream[:2] + b"\xff\xff" + stream[2:]) == read_header(stream)


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"", "neither a JPEG"),
        (b"\x00" * 100, "neither a JPEG"),
        (b"\xff\xd8\xff\xc0\x00", "ends inside its header"),
        (b"\xff\xd8\x00\x00", "no marker"),
        (b"\xff\xd8" + b"\xff\xe0\x00\x02" * 2000, "no frame header"),
        (b"\xff\x4f\xff\x51\x00\x29", "ends inside its header"),
    ],
)
def test_a_broken_header_is_an_error(stream, words):
    with pytest.raises(ValueError, match=words):
        read_header(stream)
