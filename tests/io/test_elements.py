"""Elements of other types, lengths and character sets than the standard's."""

import math

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medcnn.io import read_image
from medcnn.io.conformance.example import encode, image_dataset
from medcnn.io.dicom_file import open_file, quiet_pydicom
from medcnn.io.elements import integer, items, numbers, text

STORED = np.arange(64, dtype=np.uint16).reshape(8, 8) * 64


def reopened(folder, dataset):
    (folder / "a.dcm").write_bytes(encode(dataset))
    with quiet_pydicom():
        return open_file(folder / "a.dcm").dataset


@pytest.mark.each(
    ("vr", "value", "found"),
    [
        ("DS", "4096", [4096]),
        ("DS", ["1", "2.5"], [1, 2.5]),
        ("LO", "4096,5", [4096.5]),
        ("LO", "wide", [math.nan]),
        ("LO", ["wide", "3"], [math.nan, 3]),
        ("IS", "3.5", [3.5]),
        ("UN", b"4096", [4096]),
        ("US", [7, 8], [7, 8]),
        ("DS", "", []),
        ("SQ", [Dataset()], []),
        ("DS", "1" * 30, [float("1" * 30)]),
    ],
)
def test_numbers_of_any_representation(tmp_path, vr, value, found):
    dataset = image_dataset(STORED)
    dataset.add_new("WindowWidth", vr, value)
    with quiet_pydicom():
        np.testing.assert_equal(numbers(reopened(tmp_path, dataset), "WindowWidth"), found)


def test_a_whole_number_is_one(tmp_path):
    dataset = image_dataset(STORED)
    dataset.add_new("HighBit", "DS", "11.0")
    dataset.add_new("NumberOfFrames", "LO", "1.5")
    found = reopened(tmp_path, dataset)
    assert (integer(found, "HighBit"), integer(found, "NumberOfFrames")) == (11, None)
    assert integer(found, "Rows") == 8
    assert integer(found, "LUTData") is None


@pytest.mark.parametrize(
    ("vr", "value", "found"),
    [
        ("LO", "p1 \0", "p1"),
        ("UN", b"p1\0", "p1"),
        ("LO", ["p1", "p2"], "p1"),
        ("SQ", [Dataset()], ""),
        ("LO", "p" * 100, "p" * 100),
        ("LO", "", ""),
    ],
)
def test_text_of_any_representation(tmp_path, vr, value, found):
    dataset = image_dataset(STORED)
    dataset.add_new("PatientID", vr, value)
    with quiet_pydicom():
        assert text(reopened(tmp_path, dataset), "PatientID") == found


@pytest.mark.parametrize("charset", ["ISO_IR 999", "nonsense", ["", "ISO 2022 IR 87"], "\xff"])
def test_an_unknown_character_set_costs_no_pixels(tmp_path, charset):
    dataset = image_dataset(STORED, PatientID="p1")
    dataset.add_new("SpecificCharacterSet", "CS", charset)
    (tmp_path / "a.dcm").write_bytes(encode(dataset))
    assert read_image(tmp_path / "a.dcm").facts.patient_id == "p1"


def test_items_are_parsed_as_they_are_asked_for(tmp_path):
    first, second = Dataset(), Dataset()
    first.LUTExplanation, second.LUTExplanation = "first", "second"
    dataset = reopened(tmp_path, image_dataset(STORED, VOILUTSequence=[first, second]))
    assert [each.LUTExplanation for each in items(dataset, "VOILUTSequence")] == ["first", "second"]
    # A second look finds the element parsed by pydicom.
    assert dataset.VOILUTSequence[1].LUTExplanation == "second"
    assert next(items(dataset, "VOILUTSequence")).LUTExplanation == "first"
    assert list(items(dataset, "ModalityLUTSequence")) == []
    assert list(items(dataset, "NoSuchKeyword")) == []
