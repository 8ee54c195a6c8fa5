"""Every case of the standard, and the same files through pydicom's own grey-scale functions."""

import io

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from medcnn.errors import ConfigError
from medcnn.io import read_image, read_image_resized
from medcnn.io.conformance import check_dicom, failures
from medcnn.io.conformance.case import Case
from medcnn.io.conformance.check import PARTS, Row, run_case

CASES = [case for cases in PARTS.values() for case in cases]
SYNTAXES = {
    *("Implicit VR Little Endian", "Explicit VR Little Endian", "Explicit VR Big Endian"),
    *("Deflated Explicit VR", "RLE Lossless", "JPEG Baseline (process 1), 8 bits"),
    *("JPEG Extended (process 4), 12 bits", "JPEG Lossless (process 14)"),
    *("JPEG Lossless SV1 (process 14)", "JPEG-LS Lossless", "JPEG-LS Near-lossless, error 2"),
    *("JPEG 2000 Lossless", "JPEG 2000", "HTJ2K Lossless", "HTJ2K Lossless RPCL", "HTJ2K"),
}


@pytest.mark.parametrize("part", list(PARTS))
def test_the_reader_gives_what_the_standard_asks_for(part, tmp_path):
    for case in PARTS[part]:
        outcome = run_case(case, tmp_path / "case.dcm")
        assert outcome.passed, f"{case.name}: expected {case.expected}, found {outcome.result}"


def test_names_are_unique_and_every_transfer_syntax_is_there():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert set(names) >= SYNTAXES


def by_pydicom(content):
    """Return the pixels that pydicom's own LUT functions give, scaled as the LUT or window says."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    values = apply_modality_lut(dataset.pixel_array, dataset)
    shown = np.asarray(apply_voi_lut(values, dataset), np.float64)
    if "VOILUTSequence" in dataset:
        unit = shown / (2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1)
    else:
        # pydicom windows to the range that the stored bits span after the rescale.
        top = 2**dataset.BitsStored - 1
        low, high = (
            (0, top) if dataset.PixelRepresentation == 0 else (-(top + 1) / 2, (top - 1) / 2)
        )
        slope = float(dataset.get("RescaleSlope", 1))
        intercept = float(dataset.get("RescaleIntercept", 0))
        ends = sorted((low * slope + intercept, high * slope + intercept))
        unit = (shown - ends[0]) / (ends[1] - ends[0])
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        unit = 1 - unit
    return unit


BEYOND_PYDICOM = (
    *(
        "slope 0",
        "not finite",
        "negative Rescale Slope",
        "signed pixels",
        "Modality LUT Sequence",
        "two a word",
        "an intercept",
    ),
    *("percent", "black", "Padding", "unknown", "INVERSE", "big endian", "width 1 on"),
)


@pytest.mark.filterwarnings("ignore:Applying a VOI LUT on a float")
def test_pydicom_gives_the_same_pixels(tmp_path):
    ours = [
        case
        for case in (*PARTS["modality and VOI LUT"], *PARTS["window"])
        # What contradicts itself is read by medcnn's own rules.
        if not case.warning
        and not any(word.lower() in case.name.lower() for word in BEYOND_PYDICOM)
    ]
    assert len(ours) > 10
    for case in ours:
        (tmp_path / "a.dcm").write_bytes(case.make())
        found = read_image(tmp_path / "a.dcm").pixels
        np.testing.assert_allclose(found, by_pydicom(case.make()), atol=2e-4, err_msg=case.name)


def test_stored_values_are_those_of_pydicom(tmp_path):
    for case in PARTS["transfer syntax"]:
        (tmp_path / "a.dcm").write_bytes(case.make())
        dataset = pydicom.dcmread(tmp_path / "a.dcm", force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        stored = dataset.pixel_array.astype(float)
        window = float(dataset.WindowWidth)
        expected = np.clip((stored - float(dataset.WindowCenter)) / window + 0.5, 0, 1)
        found = read_image(tmp_path / "a.dcm").pixels
        np.testing.assert_allclose(found, expected, atol=1e-6, err_msg=case.name)


def test_the_fast_path_agrees_with_the_exact_one(tmp_path):
    for case in PARTS["transfer syntax"]:
        (tmp_path / "a.dcm").write_bytes(case.make())
        fast, _ = read_image_resized(tmp_path / "a.dcm", 4, exact=False)
        exact, _ = read_image_resized(tmp_path / "a.dcm", 4, exact=True)
        # A coarse wavelet sample lies on the first pixel of its block of 4 rows, a mean 1.5 rows of
        # 16 grey values further down.
        most = 28 if "2" in case.name else 2
        assert np.abs(fast.astype(int) - exact).max() <= most, case.name


def test_a_wrong_reading_fails_its_row(tmp_path):
    right = PARTS["window"][0]
    wrong = Case(right.name, right.section, right.make, (0, 0.5, 0.5, 1))
    assert run_case(wrong, tmp_path / "a.dcm").passed is False
    unwarned = Case(right.name, right.section, right.make, right.pixels, warning="absent words")
    assert run_case(unwarned, tmp_path / "a.dcm").passed is False
    pixels_for_an_error = Case(right.name, right.section, right.make, error="corrupt")
    assert run_case(pixels_for_an_error, tmp_path / "a.dcm").passed is False


def test_failures_leave_out_what_is_not_installed():
    rows = [Row("p", name, "s", "0", "1", passed) for name, passed in (("a", None), ("b", False))]
    assert failures(rows) == ["b"]


def test_one_case_is_checked_by_name_and_its_wrong_element_is_not_warned_of(recwarn):
    name = "Photometric Interpretation in small letters"
    assert [row.case for row in check_dicom([name])] == [name]
    assert not recwarn.list


def test_an_unknown_case_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'SIGMOID window'"):
        check_dicom(["SIGMOD window"])
