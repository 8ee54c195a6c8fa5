"""Which images results can refer to, and what of their headers goes into results."""

import numpy as np
import pytest

from medcnn.pacs.source import NO_DATE, NoResultError, read_source


@pytest.fixture
def write(make_image, tmp_path):
    def file(*given, **elements):
        path = tmp_path / "image.dcm"
        path.write_bytes(make_image(*given, **elements))
        return path

    return file


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"stored": np.zeros((4, 4, 3), np.uint8), "bits": 8}, "colour"),
        ({"NumberOfFrames": "2"}, "several frames"),
        ({"StudyInstanceUID": None}, "no valid StudyInstanceUID"),
        ({"SeriesInstanceUID": "1.2.x"}, "no valid SeriesInstanceUID"),
        ({"PatientID": "9" * 65}, "PatientID is none that DICOM can hold"),
    ],
)
def test_no_result_without_a_reference_that_holds(write, elements, reason):
    with pytest.raises(NoResultError, match=reason):
        read_source(write(**elements))


def test_no_result_of_what_is_no_dicom_file(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(NoResultError, match="no DICOM file"):
        read_source(path)


def test_values_that_their_representation_cannot_hold_are_left_empty(write):
    reference = read_source(write("bad_values")).reference
    assert (reference.PatientSex, reference.PatientBirthDate, reference.StudyTime) == ("", "", "")
    assert reference.StudyDate == "20240203"
    assert "StudyDescription" not in read_source(write("long_text")).reference


@pytest.mark.parametrize(
    ("elements", "moment"),
    [
        ({}, ("20240203", "101112.13")),
        ({"AcquisitionDate": "20240204", "AcquisitionTime": "1"}, ("20240204", "000000")),
        ({"ContentDate": "2024", "StudyTime": ""}, ("20240203", "000000")),
        ({"StudyDate": ""}, NO_DATE),
    ],
)
def test_the_moment_is_that_of_the_image(write, elements, moment):
    assert read_source(write(**elements)).moment == moment
