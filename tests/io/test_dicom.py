"""The DICOM reader on the files that pydicom ships for its own tests, and on damaged headers."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from medcnn.errors import ImageError
from medcnn.io import read_image, read_image_resized
from medcnn.io.conformance.example import encode, file_of, image_dataset
from medcnn.io.decoding import decode
from medcnn.io.dicom_file import open_file, quiet_pydicom

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
GREY = (
    *("693_J2KI", "CT_small", "J2K_pixelrep_mismatch", "JPEG2000", "JPEGLSNearLossless_08"),
    *("JPEGLSNearLossless_16", "JPGExtended", "MR_small", "MR_small_RLE", "MR_small_bigendian"),
    *("MR_small_expb", "MR_small_implicit", "MR_small_jp2klossless", "MR_small_jpeg_ls_lossless"),
    *("MR_small_padded", "examples_overlay", "image_dfl", "liver_1frame", "liver_expb_1frame"),
    *("rtdose_1frame", "rtdose_expb_1frame", "rtdose_rle_1frame"),
)
RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8) * 64


@pytest.mark.skipif(not SHIPPED.is_dir(), reason="this pydicom ships no test files")
@pytest.mark.each("name", GREY)
def test_stored_values_of_real_scanners_are_those_of_pydicom(name):
    path = SHIPPED / f"{name}.dcm"
    dataset = pydicom.dcmread(path)
    with quiet_pydicom():
        found = decode(open_file(path).dataset, path, min_size=None, exact=True, max_pixels=10**8)
        np.testing.assert_array_equal(found.values, dataset.pixel_array)


def write(folder, content):
    (folder / "a.dcm").write_bytes(content)
    return folder / "a.dcm"


def test_an_error_quotes_no_value_of_a_tag(tmp_path):
    dataset = image_dataset(RAMP, PatientName="Secret^Person", Rows=0)
    with pytest.raises(ImageError) as caught:
        read_image(write(tmp_path, encode(dataset)))
    assert "Secret" not in str(caught.value)
    assert caught.value.kind == "corrupt"


def test_pydicom_logs_no_value_of_a_tag(tmp_path, caplog):
    dataset = image_dataset(RAMP, PatientID="p" * 70, PatientBirthDate="born 1950", Rows=8)
    read_image(write(tmp_path, encode(dataset)))
    with pytest.raises(ImageError):
        read_image(write(tmp_path, encode(image_dataset(RAMP, Rows=0, PatientAge="Secret"))))
    assert caplog.records == []


def test_a_limit_below_the_image_refuses_it(tmp_path):
    path = write(tmp_path, file_of(RAMP))
    with pytest.raises(ImageError, match="larger than medcnn decodes"):
        read_image(path, max_pixels=63)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_padding_survives_the_fast_path(tmp_path, syntax):
    stored = RAMP.copy()
    stored[:, :4] = 4095
    elements = {"PixelPaddingValue": 4095, "WindowCenter": 2048, "WindowWidth": 4096}
    path = write(tmp_path, file_of(stored, syntax=syntax, **elements))
    fast, _ = read_image_resized(path, 4, exact=False)
    exact, _ = read_image_resized(path, 4, exact=True)
    np.testing.assert_array_equal(fast, exact)
    assert not fast[:, :2].any()


@pytest.mark.parametrize(
    ("photometric", "elements"),
    [
        ("MONOCHROME2", {"WindowCenter": 2048, "WindowWidth": 4096}),
        ("MONOCHROME1", {"WindowCenter": 1500, "WindowWidth": 5000}),
        ("MONOCHROME2", {"RescaleSlope": "2", "RescaleIntercept": "-1000"}),
        ("MONOCHROME1", {"RescaleSlope": "-1", "WindowCenter": -2048, "WindowWidth": 5000}),
    ],
)
def test_windowing_after_the_reduction_is_windowing_before_it(tmp_path, photometric, elements):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :320]
    smooth = 2048 + 900 * np.sin(x / 40) * np.cos(y / 30)
    stored = np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 4095).astype(np.uint16)
    elements |= {"PhotometricInterpretation": photometric}
    path = write(tmp_path, file_of(stored, **elements))
    fast, _ = read_image_resized(path, 32, exact=False)
    exact, _ = read_image_resized(path, 32, exact=True)
    # The halvings round stored values; only the percentiles of the third case clip anything.
    assert np.abs(fast.astype(int) - exact).max() <= 2
