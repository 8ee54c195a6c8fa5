"""Opening against pydicom's own dcmread, and what bounds it."""

import logging
import struct
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medcnn.errors import ImageError
from medcnn.io import dicom_file, read_image
from medcnn.io.conformance.example import encode, image_dataset
from medcnn.io.dicom_file import is_part10, open_file, quiet_pydicom

STORED = np.arange(64, dtype=np.uint16).reshape(8, 8)
SYNTAXES = (
    *(ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian),
    DeflatedExplicitVRLittleEndian,
)


def write(folder, content):
    (folder / "a.dcm").write_bytes(content)
    return folder / "a.dcm"


def items(*keywords):
    found = []
    for keyword in keywords:
        item = Dataset()
        item.LUTExplanation = keyword
        found.append(item)
    return Sequence(found)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("without_pixels", [False, True])
def test_the_elements_are_those_of_dcmread(tmp_path, syntax, without_pixels):
    dataset = image_dataset(STORED, syntax=syntax, PatientID="p1", VOILUTSequence=items("a", "b"))
    path = write(tmp_path, encode(dataset))
    found = open_file(path, stop_before_pixels=without_pixels).dataset
    expected = pydicom.dcmread(path, stop_before_pixels=without_pixels)
    assert list(found.keys()) == list(expected.keys())
    assert all(found[tag].value == expected[tag].value for tag in list(expected.keys()))
    assert found.file_meta.TransferSyntaxUID == syntax
    assert found.original_encoding == expected.original_encoding


@pytest.mark.parametrize("keyword", ["PixelData", "FloatPixelData", "DoubleFloatPixelData"])
def test_no_kind_of_pixels_is_read_for_the_header(tmp_path, keyword):
    dataset = image_dataset(STORED)
    content = dataset.PixelData
    del dataset.PixelData
    setattr(dataset, keyword, content)
    path = write(tmp_path, encode(dataset))
    assert keyword in open_file(path).dataset
    assert keyword not in open_file(path, stop_before_pixels=True).dataset


@pytest.mark.parametrize("syntax", SYNTAXES[:3])
def test_a_syntax_that_nothing_names_is_guessed(tmp_path, syntax):
    content = encode(image_dataset(STORED, syntax=syntax))
    length = struct.unpack_from("<I", content, 140)[0]
    path = write(tmp_path, content[144 + length :])
    assert not is_part10(path)
    assert open_file(path).dataset.file_meta.TransferSyntaxUID == syntax


def test_meta_information_without_a_syntax_is_guessed_too(tmp_path):
    content = encode(image_dataset(STORED))
    place = content.find(b"\x02\x00\x10\x00UI")
    behind = place + 8 + struct.unpack_from("<H", content, place + 6)[0]
    path = write(tmp_path, content[:place] + content[behind:])
    assert is_part10(path)
    assert open_file(path).dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


def test_what_parses_but_identifies_nothing_is_not_dicom(tmp_path):
    with pytest.raises(InvalidDicomError, match="group 0008"), quiet_pydicom():
        open_file(write(tmp_path, b"\x10\x00\x10\x00\x02\x00\x00\x00ab"))


def test_a_file_above_the_limit_is_not_opened(tmp_path, monkeypatch):
    path = write(tmp_path, encode(image_dataset(STORED)))
    monkeypatch.setattr(dicom_file, "MAX_FILE_BYTES", path.stat().st_size - 1)
    with pytest.raises(ImageError, match="larger than medcnn reads"):
        open_file(path)


def test_a_long_element_that_no_reader_needs_is_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_file, "MAX_ELEMENT_BYTES", 100)
    dataset = image_dataset(STORED, ImageComments="c" * 102, PatientID="p1")
    found = open_file(write(tmp_path, encode(dataset))).dataset
    assert "ImageComments" not in found
    assert (found.PatientID, len(found.PixelData)) == ("p1", 128)


def test_silence_ends_with_the_block():
    logger = logging.getLogger("pydicom")
    before = logger.level
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with quiet_pydicom():
            warnings.warn("a name", stacklevel=1)
            assert not logger.isEnabledFor(logging.CRITICAL)
        assert (logger.level, heard) == (before, [])
        warnings.warn("another", stacklevel=1)
    assert len(heard) == 1


@pytest.mark.parametrize("kept", [3000, 40000])
def test_coded_pixels_that_are_cut_off_end_too_early(kept, real_data, tmp_path):
    whole = (real_data / "dicom" / "JPEG-LL.dcm").read_bytes()
    path = tmp_path / "cut.dcm"
    path.write_bytes(whole[:kept])
    with pytest.raises(ImageError, match="ends too early") as told:
        read_image(path)
    assert told.value.kind == "truncated"
    assert "Error" not in str(told.value)
