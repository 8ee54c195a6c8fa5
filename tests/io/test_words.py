"""Modality, view, body part and side in the spellings that devices and releases use."""

from dataclasses import replace

import pytest

from medcnn.calibration.input_checks import fact_reasons
from medcnn.io.doctor.header import header_findings
from medcnn.io.facts import Facts
from medcnn.io.words import (
    is_chest,
    is_frontal_chest,
    is_radiography,
    shown_notes,
    side_name,
    view_name,
    view_of_code,
    view_of_orientation,
    view_within,
)

CHEST = Facts("dicom", 2500, 2048, 12, "MONOCHROME2", "PA", modality="DX", body_part="CHEST")


@pytest.mark.parametrize(
    ("spellings", "name"),
    [
        (("PA", "pa ", "P-A", "Postero-anterior", "POSTERO_ANTERIOR", "PA AXIAL"), "PA"),
        (("AP", "ANTEROPOSTERIOR", "AP_HORIZONTAL", "AP SUPINE", "Anterior-Posterior"), "AP"),
        (("LL", "RL", "L", "LAT", "LATERAL", "LEFT LATERAL", "LLD", "LAT_ERECT"), "LATERAL"),
        (("LLO", "RLO", "LAO", "RPO", "LEFT LATERAL OBLIQUE"), "OBLIQUE"),
        (("", "UNK", "nan", "Unknown", "N/A"), ""),
        (("COSTAL", "costal"), "COSTAL"),
    ],
)
def test_a_view_has_one_name(spellings, name):
    assert {view_name(spelling) for spelling in spellings} == {name}


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("W Chest Lat.", "LATERAL"),
        ("Thorax p.a.", ""),
        ("CHEST PA", "PA"),
        ("CHEST PA AND LATERAL", ""),
        ("L spine", ""),
        ("", ""),
    ],
)
def test_a_description_names_one_view_or_none(text, view):
    assert view_within(text) == view


def test_views_of_codes_and_orientations():
    assert view_of_code("R-10206", "") == "AP"
    assert view_of_code("", "postero-anterior") == "PA"
    assert view_of_code("399173006", "anything") == "LATERAL"
    assert view_of_code("1", "Erect") == ""
    assert view_of_orientation("A", "F") == "LATERAL"
    assert view_of_orientation("L", "F") == "FRONTAL"
    assert view_of_orientation("F", "L") == ""


def test_body_parts_that_are_or_may_be_the_chest():
    parts = ("CHEST", "thorax", "Torax", "LUNG", "PORT CHEST", "RIBS", "", "UNKNOWN")
    assert [part for part in parts if not is_chest(part)] == []
    assert [part for part in ("HAND", "ABDOMEN", "SKULL", "TRIBUNE") if is_chest(part)] == []


def test_sides():
    assert [side_name(text) for text in ("LEFT", "r", "B", "middle", "")] == ["L", "R", "B", "", ""]


@pytest.mark.each("modality", ["CR", "DX", "DR", "XR", "RG", "RF", "dx ", ""])
def test_every_asker_takes_a_radiograph_for_one(modality):
    facts = replace(CHEST, modality=modality)
    facts = replace(facts, notes=tuple(shown_notes(facts)))
    assert is_radiography(modality)
    assert is_frontal_chest(facts)
    assert facts.notes == ()
    assert fact_reasons(facts, ()) == []
    assert "wrong_modality" not in {each.kind for each in header_findings(facts)}


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"modality": "CT"}, "wrong_modality", "the modality is CT"),
        ({"modality": "MG"}, "wrong_modality", "the modality is MG"),
        ({"body_part": "HAND"}, "wrong_body_part", "the body part is HAND"),
        ({"view": "LEFT LATERAL"}, "lateral_view", "the view LEFT LATERAL is not among frontal"),
        ({"view": "RLO"}, "other_view", "the view RLO is not among frontal"),
    ],
)
def test_every_asker_takes_exception_to_the_same(changes, kind, reason):
    facts = replace(CHEST, **changes)
    facts = replace(facts, notes=tuple(shown_notes(facts)))
    assert [note.kind for note in facts.notes] == [kind]
    assert not is_frontal_chest(facts)
    assert reason in fact_reasons(facts, ())[0]
    assert [each.kind for each in header_findings(facts)] == [kind]


@pytest.mark.each(
    ("view", "trained", "is_known"),
    [
        ("LL", ("PA", "LATERAL"), True),
        ("LL", ("PA", "AP"), False),
        ("postero-anterior", ("PA",), True),
        ("PA", ("FRONTAL",), True),
        ("FRONTAL", ("AP",), True),
        ("FRONTAL", ("LATERAL",), False),
        ("LL", ("FRONTAL", "LATERAL"), True),
    ],
)
def test_views_are_compared_by_their_names(view, trained, is_known):
    assert (fact_reasons(replace(CHEST, view=view), trained) == []) == is_known
