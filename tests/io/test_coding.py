"""Pixels that are coded in another way than the transfer syntax says."""

import numpy as np
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder

from medcnn.errors import ImageError
from medcnn.io import read_image
from medcnn.io.conformance.example import encode, image_dataset
from medcnn.io.conformance.syntax_cases import RAMP, codestream

WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096, "VOILUTFunction": "LINEAR_EXACT"}
PIXELS = RAMP / 4096
NATIVE = uid.ExplicitVRLittleEndian


def read(folder, dataset):
    (folder / "a.dcm").write_bytes(encode(dataset))
    return read_image(folder / "a.dcm")


def coded(name, held, declared):
    """Return a data set that holds one syntax and declares another."""
    if name == "rle":
        plain = image_dataset(RAMP, **WINDOW)
        frame = get_encoder(uid.RLELossless).encode(plain, index=0, encoding_plugin="pydicom")
    else:
        frame = codestream(name)
    dataset = image_dataset(RAMP, syntax=held, frames=[frame], **WINDOW)
    dataset.file_meta.TransferSyntaxUID = declared
    dataset["PixelData"].is_undefined_length = True
    return dataset


@pytest.mark.each(
    ("name", "held", "declared"),
    [
        ("jpeg_lossless_sv1", uid.JPEGLosslessSV1, NATIVE),
        ("jpeg_lossless_sv1", uid.JPEGLosslessSV1, uid.JPEG2000Lossless),
        ("jpeg_2000_lossless", uid.JPEG2000Lossless, uid.JPEGBaseline8Bit),
        ("jpeg_2000_lossless", uid.JPEG2000Lossless, uid.RLELossless),
        ("jpeg_ls", uid.JPEGLSLossless, uid.JPEGLossless),
        ("jpeg_ls", uid.JPEGLSLossless, NATIVE),
        ("rle", uid.RLELossless, uid.JPEGLSLossless),
        ("jpeg_extended", uid.JPEGExtended12Bit, uid.JPEGBaseline8Bit),
        ("jpeg_2000_lossless", uid.JPEG2000Lossless, uid.UID("1.2.3.4")),
    ],
)
def test_the_codestream_names_its_own_syntax(tmp_path, name, held, declared):
    image = read(tmp_path, coded(name, held, declared))
    np.testing.assert_allclose(image.pixels, PIXELS, atol=4 / 4096)
    assert {note.kind for note in image.facts.notes} == {"transfer_syntax"}
    assert "Transfer Syntax UID says" in image.facts.warnings[-1]


@pytest.mark.parametrize("declared", [uid.JPEG2000Lossless, uid.RLELossless, uid.JPEGLossless])
def test_uncompressed_pixels_are_read_under_any_name(tmp_path, declared):
    dataset = image_dataset(RAMP, **WINDOW)
    path = tmp_path / "a.dcm"
    # pydicom will not write what contradicts itself.
    held, named = NATIVE.encode(), declared.encode()
    content = encode(dataset)
    place = content.find(held)
    length = len(held) + len(held) % 2
    new = named + b"\0" * (len(named) % 2)
    head = content[: place - 2] + len(new).to_bytes(2, "little") + new
    path.write_bytes(head + content[place + length :])
    image = read_image(path)
    np.testing.assert_allclose(image.pixels, PIXELS, atol=1e-6)
    assert [note.kind for note in image.facts.notes] == ["transfer_syntax"]


def test_a_codestream_without_fragments_is_read(tmp_path):
    dataset = image_dataset(RAMP, **WINDOW)
    frame = codestream("jpeg_2000_lossless")
    dataset.PixelData = frame + b"\0" * (len(frame) % 2)
    image = read(tmp_path, dataset)
    np.testing.assert_allclose(image.pixels, PIXELS, atol=1e-6)
    assert "without fragments" in " ".join(image.facts.warnings)


def test_frames_that_the_fragments_do_not_have_are_one(tmp_path):
    dataset = image_dataset(
        RAMP,
        syntax=uid.JPEGLosslessSV1,
        frames=[codestream("jpeg_lossless_sv1")],
        NumberOfFrames=3,
        **WINDOW,
    )
    image = read(tmp_path, dataset)
    np.testing.assert_allclose(image.pixels, PIXELS, atol=1e-6)
    assert {note.kind for note in image.facts.notes} <= {"size", "multi_frame"}


def test_a_codestream_says_its_own_size_and_depth(tmp_path):
    frame = codestream("jpeg_lossless_sv1")
    wrong = {"Rows": 8, "Columns": 99, "SamplesPerPixel": 3, "BitsAllocated": 8, "BitsStored": 8}
    dataset = image_dataset(RAMP, syntax=uid.JPEGLosslessSV1, frames=[frame], **wrong, **WINDOW)
    image = read(tmp_path, dataset)
    np.testing.assert_allclose(image.pixels, PIXELS, atol=1e-6)
    assert [note.kind for note in image.facts.notes] == ["size", "photometric", "bits"]


def test_what_no_decoder_knows_stays_unsupported(tmp_path):
    dataset = image_dataset(RAMP, syntax=uid.MPEG2MPML, frames=[bytes(64)])
    with pytest.raises(ImageError, match="no decoder"):
        read(tmp_path, dataset)


def test_values_that_look_like_an_item_are_pixels(tmp_path):
    stored = RAMP.copy()
    stored[0, :2] = (0xFFFE, 0xE000)
    encapsulated = encapsulate([b"\xff\xd8\xff\xd9"])
    assert stored.tobytes()[:4] == encapsulated[:4]
    image = read(tmp_path, image_dataset(stored, bits=16, **WINDOW))
    np.testing.assert_allclose(image.pixels[1:], PIXELS[1:], atol=1e-6)
    assert image.facts.notes == ()
