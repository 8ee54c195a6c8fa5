"""Reduced decoding against the full one, on real radiographs and on what must not be reduced."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from pydicom.uid import HTJ2KLossless, JPEG2000Lossless, JPEGBaseline8Bit

from medcnn.io import read_image, read_image_resized
from medcnn.io.codestream import Header, read_header
from medcnn.io.conformance.example import encode, image_dataset
from medcnn.io.conformance.syntax_cases import codestream
from medcnn.io.reduced import reduced_j2k, reduced_jpeg, wanted_scale

J2K_MEAN_BOUND = {2: 3, 4: 8, 8: 16}
"""Mean difference of 4096 grey values that a factor may cost, at a standard deviation of about 500."""


@pytest.mark.parametrize(
    ("side", "wanted", "most", "scale"),
    [
        (2048, 224, 8, 8),
        (2048, 512, 8, 4),
        (2048, 600, 8, 2),
        (2048, 1025, 8, 1),
        (2048, 224, 2, 2),
    ],
)
def test_the_scale_leaves_both_sides_large_enough(side, wanted, most, scale):
    header = Header(side, side + 100, 12, 1, levels=5)
    assert wanted_scale(header, wanted, most=most) == scale


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_a_reduced_jpeg_2000_is_close_to_the_mean_of_the_full_one(real_data, scale):
    exact = read_image(real_data / "dicom" / "RG3_J2KR.dcm").pixels
    small = read_image(real_data / "dicom" / "RG3_J2KR.dcm", min_size=1760 // scale, exact=False)
    assert small.facts.decoded_scale == scale
    mean = cv2.resize(exact, small.pixels.shape[::-1], interpolation=cv2.INTER_AREA)
    difference = np.abs(small.pixels - mean).mean() / mean.std() * 500
    assert difference < J2K_MEAN_BOUND[scale]


def test_a_reduced_jpeg_is_close_to_the_mean_of_the_full_one(real_data):
    path = real_data / "dicom" / "rsna_cr_chest_mono2_jpeg.dcm"
    exact, _ = read_image_resized(path, 128, exact=True)
    fast, facts = read_image_resized(path, 128, exact=False)
    assert facts.decoded_scale == 8
    assert np.abs(fast.astype(int) - exact).mean() < 1


def test_exact_never_reduces(real_data):
    path = real_data / "dicom" / "RG3_J2KR.dcm"
    assert read_image(path, min_size=100, exact=True).facts.decoded_scale == 1
    assert read_image_resized(path, 100, exact=True)[1].decoded_scale == 1


def test_a_target_as_large_as_the_image_never_reduces(real_data):
    path = real_data / "dicom" / "RG3_J2KR.dcm"
    assert read_image_resized(path, 1760, exact=False)[1].decoded_scale == 1


@pytest.mark.parametrize(
    ("name", "syntax", "bits"),
    [("jpeg_2000_lossless", JPEG2000Lossless, 12), ("htj2k_lossless", HTJ2KLossless, 16)],
)
def test_a_constant_keeps_its_value(name, syntax, bits):
    frame = codestream(name)
    reduced = reduced_j2k(frame, read_header(frame), 2)
    # The ramp runs from 0 to 4080; its low-pass samples stay within it and rise along rows and columns.
    assert reduced.shape == (8, 8)
    assert (np.diff(reduced.astype(int), axis=0) > 0).all()
    assert abs(int(reduced.min())) <= 64
    assert abs(int(reduced.max()) - 3800) <= 300


def test_signed_samples_keep_their_sign():
    frame = codestream("jpeg_2000_lossless_signed")
    reduced = reduced_j2k(frame, read_header(frame), 2)
    plain = codestream("jpeg_2000_lossless")
    unsigned = reduced_j2k(plain, read_header(plain), 2)
    np.testing.assert_array_equal(reduced.astype(int) + 2048, unsigned)


def test_signs_that_disagree_are_decoded_in_full(tmp_path):
    frame = codestream("jpeg_2000_lossless_signed")
    dataset = image_dataset(
        np.zeros((16, 16), np.uint16), bits=16, syntax=JPEG2000Lossless, frames=[frame]
    )
    (tmp_path / "a.dcm").write_bytes(encode(dataset))
    assert read_image(tmp_path / "a.dcm", min_size=4, exact=False).facts.decoded_scale == 1


@pytest.mark.parametrize(("inside", "scale"), [(4095, 1), (77, 8)])
def test_padding_is_decoded_in_full(tmp_path, inside, scale):
    y, x = np.mgrid[:512, :512]
    stored = (1500 + 800 * np.sin(x / 60) * np.cos(y / 50)).astype(np.uint16)
    stored[(x - 256) ** 2 + (y - 256) ** 2 > 200**2] = inside
    buffer = io.BytesIO()
    Pillow.fromarray(stored).save(buffer, "JPEG2000", no_jp2=True)
    elements = {"PixelPaddingValue": 4095, "WindowCenter": 2048, "WindowWidth": 4096}
    frames = [buffer.getvalue()]
    dataset = image_dataset(stored, syntax=JPEG2000Lossless, frames=frames, **elements)
    (tmp_path / "a.dcm").write_bytes(encode(dataset))
    fast, facts = read_image_resized(tmp_path / "a.dcm", 64, exact=False)
    exact, _ = read_image_resized(tmp_path / "a.dcm", 64, exact=True)
    assert facts.decoded_scale == scale
    assert read_image(tmp_path / "a.dcm", min_size=64, exact=False).facts.decoded_scale == scale
    # Without the second decoding a ring of 255 would stand around the chest.
    assert np.abs(fast.astype(int) - exact).mean() < (0.01 if scale == 1 else 5)


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_dct_scaling_is_the_mean_of_blocks(scale):
    y, x = np.mgrid[:64, :80]
    image = (128 + 60 * np.sin(x / 25) * np.cos(y / 20)).astype(np.uint8)
    buffer = io.BytesIO()
    Pillow.fromarray(image).save(buffer, "JPEG", quality=95)
    mean = image.reshape(64 // scale, scale, 80 // scale, scale).mean((1, 3))
    assert np.abs(reduced_jpeg(buffer.getvalue(), scale) - mean).max() < 4


def test_an_odd_jpeg_rounds_its_sides_up(tmp_path):
    image = np.full((101, 67), 90, np.uint8)
    buffer = io.BytesIO()
    Pillow.fromarray(image).save(buffer, "JPEG")
    assert reduced_jpeg(buffer.getvalue(), 4).shape == (26, 17)
    dataset = image_dataset(image, bits=8, syntax=JPEGBaseline8Bit, frames=[buffer.getvalue()])
    (tmp_path / "a.dcm").write_bytes(encode(dataset))
    assert read_image(tmp_path / "a.dcm", min_size=16, exact=False).pixels.shape == (26, 17)
