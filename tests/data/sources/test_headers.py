from __future__ import annotations

import io
import os
import zlib

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from medcnn.data.sources.headers import header_facts
from medcnn.io import dicom_file


def test_only_facts_that_are_there(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", PatientID=" p1 ", PatientSex="")
    assert header_facts(path) == {"patient_id": "p1"}


@pytest.mark.parametrize("content", [b"", b"DICM", bytes(128) + b"DICM" + bytes(range(40))])
def test_no_header_gives_none(tmp_path, content):
    path = tmp_path / "a.dcm"
    path.write_bytes(content)
    facts = header_facts(path)
    assert facts is None or facts == {}


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.dcm")
    assert header_facts(tmp_path / "a.dcm") is None


def test_a_deflated_header_is_inflated_within_bounds(tmp_path, write_dicom, monkeypatch):
    monkeypatch.setattr(dicom_file, "MAX_FILE_BYTES", 2**20)
    dataset = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", PatientID="p1"))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    path = tmp_path / "b.dcm"
    path.write_bytes(written.getvalue())
    assert header_facts(path) == {"patient_id": "p1"}
    head = written.getvalue()[: 144 + dataset.file_meta.FileMetaInformationGroupLength]
    path.write_bytes(head + zlib.compress(bytes(2**21), wbits=-15))
    assert header_facts(path) is None


def test_what_pydicom_says_of_values_is_not_heard(tmp_path, write_dicom, caplog, recwarn):
    path = write_dicom(tmp_path / "a.dcm", SpecificCharacterSet="ISO_IR 192", PatientID="p1")
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 192", b"SECRET NAM"))
    assert str(pydicom.dcmread(path).PatientID) == "p1"
    assert "SECRET" in caplog.text
    caplog.clear()
    recwarn.clear()
    assert header_facts(path) == {"patient_id": "p1"}
    assert not caplog.records
    assert not recwarn.list
