"""Facts of a header, from its own elements or what stands in for them."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medcnn.io.conformance.example import file_of
from medcnn.io.dicom import read_facts
from medcnn.io.header import age_in_years

RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8) * 64


def write(folder, content):
    (folder / "a.dcm").write_bytes(content)
    return folder / "a.dcm"


def test_facts_come_from_the_header_alone(tmp_path):
    elements = {
        "PatientID": "p1",
        "StudyDate": "20210304",
        "PatientSex": "f",
        "PatientAge": "018M",
        "PixelSpacing": [0.2, 0.1],
        "Manufacturer": "Maker",
        "ImageLaterality": "L",
    }
    _, facts = read_facts(write(tmp_path, file_of(RAMP, **elements)))
    assert (facts.patient_id, facts.sex, facts.age, facts.laterality) == ("p1", "F", 1.5, "L")
    assert facts.spacing_mm == (0.2, 0.1)
    assert facts.date == "20210304"
    assert (facts.rows, facts.columns, facts.bits) == (8, 8, 12)
    assert (facts.modality, facts.body_part, facts.view) == ("DX", "CHEST", "PA")


@pytest.mark.parametrize(
    ("text", "years"),
    [("058Y", 58.0), ("006m", 0.5), ("026W", 0.5), ("073D", 0.2), ("58", 58.0), ("old", None)],
)
def test_age_strings(text, years):
    assert age_in_years(text) == years


@pytest.mark.parametrize("age", ["", "Y", "1O0Y", "-12Y"])
def test_an_age_that_is_none_is_unknown(tmp_path, age):
    _, facts = read_facts(write(tmp_path, file_of(RAMP, PatientAge=age)))
    assert facts.age is None


@pytest.mark.parametrize("spacing", [[0, 0.1], [0.1], ["nan", "nan"], [-1, -1]])
def test_an_impossible_spacing_is_unknown(tmp_path, spacing):
    _, facts = read_facts(write(tmp_path, file_of(RAMP, PixelSpacing=spacing)))
    assert facts.spacing_mm is None


def coded(keyword, value, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return {keyword: [item]}


@pytest.mark.each(
    ("elements", "view"),
    [
        ({"ViewPosition": "ll"}, "LL"),
        ({"ViewPosition": "PA", "PatientOrientation": ["A", "F"]}, "PA"),
        (coded("ViewCodeSequence", "R-10206", "antero-posterior"), "AP"),
        (coded("ViewCodeSequence", "", "postero-anterior"), "PA"),
        (coded("ViewCodeSequence", "1", "Erect") | {"SeriesDescription": "Thorax lat."}, "LATERAL"),
        ({"PatientOrientation": ["P", "F"], "SeriesDescription": "CHEST PA"}, "LATERAL"),
        ({"PatientOrientation": ["L", "F"]}, "FRONTAL"),
        ({"PatientOrientation": ["L", "F"], "ProtocolName": "CHEST PA"}, "PA"),
        ({"SeriesDescription": "Doe^Jane"}, ""),
        ({"ViewCodeSequence": [Dataset()], "PatientOrientation": "L"}, ""),
    ],
)
def test_a_view_is_taken_from_what_there_is(tmp_path, elements, view):
    _, facts = read_facts(write(tmp_path, file_of(RAMP, **({"ViewPosition": ""} | elements))))
    assert facts.view == view


def test_a_region_stands_in_for_the_body_part(tmp_path):
    elements = {"BodyPartExamined": ""} | coded("AnatomicRegionSequence", "T-D1400", "Hand")
    _, facts = read_facts(write(tmp_path, file_of(RAMP, **elements)))
    assert (facts.body_part, facts.notes[0].kind) == ("Hand", "wrong_body_part")


def test_notes_say_what_a_header_says_against_a_chest_radiograph(tmp_path):
    _, facts = read_facts(write(tmp_path, file_of(RAMP, Modality="CT", ViewPosition="LL")))
    assert facts.warnings == ("not a radiograph (Modality CT)", "a lateral view (View Position LL)")
