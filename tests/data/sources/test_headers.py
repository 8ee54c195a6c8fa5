from __future__ import annotations

import io
import os
import zlib

import pandas as pd
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from medcnn.data.manifest import DOUBTED
from medcnn.data.sources.headers import header_facts, header_table, with_headers
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


def test_header_facts_of_many_files_by_their_paths(tmp_path, write_dicom):
    paths = [str(write_dicom(tmp_path / f"{row}.dcm", PatientID=f"p{row}")) for row in range(3)]
    column = pd.Series([*paths, "a.png", "x.npz#images/1", str(tmp_path / "absent.dcm")])
    alone = header_table(column)
    assert alone["patient_id"].fillna("").tolist() == ["p0", "p1", "p2", "", "", ""]
    pd.testing.assert_frame_equal(header_table(column, workers=2), alone)


def test_the_header_fills_what_the_table_leaves_empty(tmp_path, write_dicom):
    facts = {
        "PatientID": "p1",
        "StudyDate": "20240131",
        "ImageLaterality": "L",
        "PatientSex": "F",
        "PatientOrientation": ["P", "F"],
    }
    table = pd.DataFrame({"path": [str(write_dicom(tmp_path / "a.dcm", **facts))], "sex": ["M"]})
    (row,) = with_headers(table).to_dict("records")
    assert (row["patient_id"], row["date"], row["laterality"]) == ("p1", "20240131", "L")
    assert (row["sex"], row["view"]) == ("M", "LATERAL")
    assert "patient_id" not in with_headers(table, identity=False)


def test_patients_whom_table_and_header_tell_apart_differently_are_numbered(tmp_path, write_dicom):
    header = ["A", "A", "B", "B ", "C", "ANON", "ANON"]
    paths = [
        str(write_dicom(tmp_path / f"{row}.dcm", PatientID=name)) for row, name in enumerate(header)
    ]
    said = ["1", "2", "3", None, "4", "5", "6"]
    found = with_headers(pd.DataFrame({"path": paths, "patient_id": said}))
    assert found["patient_id"].tolist() == ["1", "2", "3", "3", "4", "5", "6"]
    assert found[DOUBTED].fillna("").tolist() == ["1", "1", "", "", "", "", ""]
    agreed = with_headers(pd.DataFrame({"path": paths, "patient_id": list("1133456")}))
    assert DOUBTED not in agreed
