import os

import numpy as np
import pydicom
import pytest
from PIL import Image as Pillow
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from medcnn.errors import ImageError
from medcnn.io import read_image, read_image_resized


def scaled(values):
    values = values.astype(np.float64)
    return (values - values.min()) / (values.max() - values.min())


def write_dicom(path, pixels, photometric="MONOCHROME2", bits=12, **elements):
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, photometric
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelRepresentation = 0
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 4096, (40, 50))


def test_rescale_and_window_follow_pydicom(tmp_path, pixels):
    facts = {"RescaleSlope": 2, "RescaleIntercept": -100, "WindowCenter": 4000, "WindowWidth": 3000}
    path = write_dicom(tmp_path / "a.dcm", pixels, **facts)
    dataset = pydicom.dcmread(path)
    expected = scaled(apply_voi_lut(apply_modality_lut(pixels, dataset), dataset))
    np.testing.assert_allclose(read_image(path).pixels, expected, atol=1e-5)


def test_monochrome1_is_inverted_after_the_window(tmp_path, pixels):
    window = {"WindowCenter": 1000, "WindowWidth": 1500}
    bright = read_image(write_dicom(tmp_path / "a.dcm", pixels, "MONOCHROME2", **window)).pixels
    dark = read_image(write_dicom(tmp_path / "b.dcm", pixels, "MONOCHROME1", **window)).pixels
    np.testing.assert_allclose(dark, 1 - bright, atol=1e-6)


def test_without_a_window_the_robust_range_is_used(tmp_path, pixels):
    image = read_image(write_dicom(tmp_path / "a.dcm", pixels)).pixels
    low, high = np.percentile(pixels, [0.5, 99.5])
    np.testing.assert_allclose(image, np.clip((pixels - low) / (high - low), 0, 1), atol=2e-3)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_png_of_either_depth_spans_zero_to_one(tmp_path, depth):
    top = np.iinfo(depth).max
    values = np.array([[0, top], [top // 2, top // 4]], depth)
    Pillow.fromarray(values).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_image(tmp_path / "a.png").pixels, values / top, atol=1e-6)


def test_grey_stored_as_rgb_is_that_grey(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (8, 9), dtype=np.uint8)
    Pillow.fromarray(np.dstack([grey] * 3)).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_image(tmp_path / "a.png").pixels, grey / 255, atol=1e-6)


def test_an_array_in_an_archive_is_an_image(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", train_images=images)
    found = read_image(f"{tmp_path / 'a.npz'}#train_images/2").pixels
    np.testing.assert_allclose(found, images[2] / 255, atol=1e-6)


def test_resizing_takes_the_whole_image(tmp_path, pixels):
    path = write_dicom(tmp_path / "a.dcm", pixels, WindowCenter=2048, WindowWidth=4096)
    small, facts = read_image_resized(path, 10, exact=True)
    assert (small.shape, small.dtype) == ((10, 10), np.uint8)
    assert (facts.rows, facts.columns) == (40, 50)
    expected = read_image(path).pixels.reshape(10, 4, 10, 5).mean((1, 3)) * 255
    assert np.abs(small - expected).max() <= 1


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + b"0" * 50])
def test_what_is_no_image_is_one_typed_error(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("pipe", "is no file"),
        ("folder", "is no file"),
        ("empty", "is empty"),
        ("none", "no such file"),
    ],
)
def test_what_cannot_be_read_at_all_is_one_typed_error(tmp_path, name, problem):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    with pytest.raises(ImageError, match=problem) as caught:
        read_image(tmp_path / name)
    assert caught.value.kind == "not_an_image"


def test_a_cut_off_dicom_file_is_one_typed_error(tmp_path, pixels):
    path = write_dicom(tmp_path / "a.dcm", pixels)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ImageError):
        read_image(path)


def test_real_files_read(real_data):
    for path in sorted((real_data / "dicom").glob("*.dcm")) + sorted(
        (real_data / "png").glob("*.png")
    ):
        image = read_image(path).pixels
        assert image.dtype == np.float32
        assert 0 <= image.min() < image.max() <= 1


@pytest.mark.parametrize(("top", "kinds"), [(4095, ["dark"]), (16383, ["dark"]), (65535, [])])
def test_few_bits_in_sixteen_are_dark(tmp_path, top, kinds):
    values = np.linspace(0, top, 64 * 64).astype(np.uint16).reshape(64, 64)
    Pillow.fromarray(values).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert [note.kind for note in image.facts.notes] == kinds
    assert read_image_resized(tmp_path / "a.png", 48, exact=False)[1].notes == image.facts.notes


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".JPG"])
def test_every_suffix_of_jpeg_is_jpeg(tmp_path, suffix):
    grey = Pillow.fromarray(np.full((8, 8), 51, np.uint8))
    grey.save(tmp_path / f"a{suffix}", "JPEG")
    image = read_image(tmp_path / f"a{suffix}")
    assert image.facts.kind == "jpeg"
    np.testing.assert_allclose(image.pixels, 0.2, atol=2 / 255)


@pytest.mark.each(
    ("name", "form", "said"),
    [
        ("a.webp", "WEBP", "a WebP image"),
        ("a.gif", "GIF", "a GIF image"),
        ("a.jp2", "JPEG2000", "a JPEG 2000 image"),
        ("a.j2k", "JPEG2000", "a JPEG 2000 image"),
        ("a.avif", "AVIF", "an AVIF image"),
        ("lies.png", "WEBP", "a WebP image"),
        ("IM0001", "GIF", "a GIF image"),
    ],
)
def test_images_of_other_types_are_named_as_what_they_are(tmp_path, name, form, said):
    Pillow.new("L", (8, 8), 7).save(tmp_path / name, form)
    with pytest.raises(ImageError, match=f"is {said}, which medcnn does not read") as caught:
        read_image(tmp_path / name)
    assert caught.value.kind == "unsupported"
