from __future__ import annotations

import pytest

from medcnn.data.sources.headers import age_in_years, header_facts, is_dicom_name


@pytest.mark.parametrize(
    ("text", "years"),
    [("058Y", 58.0), ("006M", 0.5), ("026W", 0.5), ("073D", 0.2), ("58", 58.0), ("old", None)],
)
def test_age_strings(text, years):
    assert age_in_years(text) == years


def test_only_facts_that_are_there(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", PatientID=" p1 ", PatientSex="")
    assert header_facts(path) == {"patient_id": "p1"}


@pytest.mark.parametrize("content", [b"", b"DICM", bytes(128) + b"DICM" + bytes(range(40))])
def test_no_header_gives_none(tmp_path, content):
    path = tmp_path / "a.dcm"
    path.write_bytes(content)
    facts = header_facts(path)
    assert facts is None or facts == {}


def test_names_that_mean_dicom(tmp_path):
    assert is_dicom_name(tmp_path / "1.2.840.10008")
    assert is_dicom_name(tmp_path / "IM0001")
    assert not is_dicom_name(tmp_path / "a.png")
