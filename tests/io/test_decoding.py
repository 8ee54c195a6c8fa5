"""Stored values against pydicom's own decoding, and copies only where they are needed."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from medcnn.errors import ImageError
from medcnn.io.conformance.example import encode, file_of, image_dataset
from medcnn.io.conformance.syntax_cases import RAMP, codestream
from medcnn.io.decoding import decode
from medcnn.io.dicom_file import open_file, quiet_pydicom

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
WORDS = (
    *(("u1", 8), ("u1", 5), ("i1", 8), ("u2", 16), ("u2", 11), ("i2", 16), ("i2", 9)),
    *(("u4", 32), ("i4", 20)),
)


def write(folder, dataset):
    path = Path(folder) / "a.dcm"
    path.write_bytes(encode(dataset))
    return path


def decoded(path, **options):
    options = {"min_size": None, "exact": True, "max_pixels": 10**6} | options
    with quiet_pydicom():
        return decode(open_file(path).dataset, path, **options)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
)
@pytest.mark.each(
    ("dtype", "bits"),
    [
        *(("u1", 8), ("u1", 5), ("i1", 8), ("u2", 16), ("u2", 11)),
        *(("i2", 16), ("i2", 9), ("u4", 32), ("i4", 20)),
    ],
)
def test_uncompressed_values_are_those_of_pydicom(tmp_path, syntax, dtype, bits):
    signed = dtype[0] == "i"
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    stored = np.random.default_rng(0).integers(low, high, (7, 9)).astype(dtype)
    path = tmp_path / "a.dcm"
    path.write_bytes(file_of(stored, bits=bits, syntax=syntax))
    found = decoded(path).values
    np.testing.assert_array_equal(found, stored)
    np.testing.assert_array_equal(found, pydicom.dcmread(path).pixel_array)
    assert found.dtype == stored.dtype


@pytest.mark.parametrize(("dtype", "junk"), [("u2", 0x5000), ("i2", 0x3000)])
def test_bits_above_the_stored_ones_are_cleared(tmp_path, dtype, junk):
    stored = RAMP.astype(dtype)
    low, high = (-2048, 2047) if dtype == "i2" else (0, 4095)
    stored = np.clip(stored - (2000 if dtype == "i2" else 0), low, high).astype(dtype)
    dirty = stored ^ np.array(junk, dtype)
    path = write(tmp_path, image_dataset(dirty, bits=12))
    np.testing.assert_array_equal(decoded(path).values, stored)
    np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, stored)


def test_uncompressed_values_are_not_copied(tmp_path):
    path = write(tmp_path, image_dataset(RAMP))
    dataset = open_file(path).dataset
    found = decode(dataset, path, min_size=None, exact=True, max_pixels=10**6).values
    assert np.shares_memory(found, np.frombuffer(dataset.PixelData, np.uint8))


def test_a_frame_that_lacks_bytes_is_truncated(tmp_path):
    dataset = image_dataset(RAMP)
    dataset.PixelData = dataset.PixelData[:-2]
    with pytest.raises(ImageError, match="ends too early") as caught:
        decoded(write(tmp_path, dataset))
    assert (caught.value.kind, caught.value.expected) == ("truncated", "512 bytes of pixels")


def test_the_first_of_several_frames(tmp_path):
    dataset = image_dataset(RAMP, NumberOfFrames="2")
    dataset.PixelData = dataset.PixelData + bytes(512)
    found = decoded(write(tmp_path, dataset))
    np.testing.assert_array_equal(found.values, RAMP)
    assert found.notes == (("multi_frame", "multi-frame image: the first of 2 frames is used"),)


def test_a_reduction_leaves_the_size_that_is_needed(tmp_path):
    frame = codestream("jpeg_2000_lossless")
    path = write(tmp_path, image_dataset(RAMP, bits=12, syntax=JPEG2000Lossless, frames=[frame]))
    reduced = decoded(path, min_size=8, exact=False)
    assert (reduced.scale, reduced.values.shape) == (2, (8, 8))
    for options in ({"min_size": 9, "exact": False}, {"min_size": 8, "exact": True}):
        whole = decoded(path, **options)
        assert whole.scale == 1
        np.testing.assert_array_equal(whole.values, RAMP)


def colours():
    y, x = np.mgrid[:48, :64]
    return np.stack([x * 4, y * 5, x + y], axis=-1).astype(np.uint8)


def coded(syntax, **options):
    """Return one frame as Pillow, or pydicom where Pillow does not, encodes it."""
    if syntax in (RLELossless, JPEGLSLossless):
        return get_encoder(syntax).encode(image_dataset(colours(), bits=8), index=0)
    buffer = io.BytesIO()
    if syntax == JPEGBaseline8Bit:
        Image.fromarray(colours()).save(buffer, "JPEG", quality=97, **options)
    else:
        Image.fromarray(colours()).save(buffer, "JPEG2000", no_jp2=True, **options)
    return buffer.getvalue()


@pytest.mark.each(
    ("syntax", "photometric", "options", "tolerance"),
    [
        (JPEGBaseline8Bit, "YBR_FULL_422", {"subsampling": "4:2:2"}, 3),
        (JPEGBaseline8Bit, "YBR_FULL", {"subsampling": "4:4:4"}, 3),
        (JPEGBaseline8Bit, "RGB", {"keep_rgb": True}, 3),
        (JPEG2000Lossless, "YBR_RCT", {"mct": 1}, 1),
        (JPEG2000Lossless, "RGB", {"mct": 0}, 1),
        (JPEG2000, "YBR_ICT", {"mct": 1, "irreversible": True}, 3),
        (JPEGLSLossless, "RGB", {}, 1),
        (RLELossless, "RGB", {}, 1),
    ],
)
def test_coded_colours_end_as_the_luminance_of_pillow(
    tmp_path, syntax, photometric, options, tolerance
):
    frames, elements = [coded(syntax, **options)], {"PhotometricInterpretation": photometric}
    dataset = image_dataset(colours(), bits=8, syntax=syntax, frames=frames, **elements)
    found = decoded(write(tmp_path, dataset), min_size=8, exact=False)
    expected = np.asarray(Image.fromarray(colours()).convert("L"), int)
    # Half a level from each of two roundings, and what a lossy coding leaves.
    assert np.abs(found.values - expected).max() <= tolerance
    assert (found.is_colour, found.top, found.scale) == (True, 255, 1)
    assert found.notes == (("colour", f"{photometric} image: the luminance is used"),)
