"""The words of a DICOM header for what is shown: modality, body part and view.

Devices, anonymisers and releases spell them as they like; the tables are those of ``medcnn.io.words``.
"""

from __future__ import annotations

import re
from typing import Any

from pydicom.multival import MultiValue

RADIOGRAPHY = ("CR", "DX", "RG", "RF", "DR", "XR", "", "OT", "SC", "XC", "HC")
CHEST = re.compile(
    r"CHEST|TH?ORA[XCK]|LUNG|PULM|\bRIBS?\b|\bCXR\b|POITRINE|\bPECHO\b|\bBRUST|ГРУД|胸"
)
UNKNOWN = ("", "UNK", "UNKNOWN", "NAN", "NONE", "NA", "N A", "OTHER", "UNSPECIFIED", "DEFAULT")
VIEWS = {
    "PA": ("PA", "P A", "POSTEROANTERIOR", "POSTERO ANTERIOR", "POSTERIOR ANTERIOR"),
    "AP": ("AP", "A P", "ANTEROPOSTERIOR", "ANTERO POSTERIOR", "ANTERIOR POSTERIOR"),
    "FRONTAL": ("FRONTAL", "FRONT"),
    "LATERAL": ("LATERAL", "LAT", "L", "LL", "RL", "LLD", "RLD", "LLAT", "RLAT"),
    "OBLIQUE": ("OBLIQUE", "OBL", "LLO", "RLO", "LAO", "RAO", "LPO", "RPO"),
}

CODES = {
    **dict.fromkeys(("272479007", "R-10214"), "PA"),
    **dict.fromkeys(("399348003", "R-10206"), "AP"),
    "399033003": "FRONTAL",
    **dict.fromkeys(("399067008", "R-102CD", "399173006", "R-10236"), "LATERAL"),
    **dict.fromkeys(("399198007", "R-10232"), "LATERAL"),
}
"""Codes of the View Code Sequence, SNOMED CT and SRT (PS3.16 CID 4010)."""


def shows_frontal_chest(modality: str, part: str, view: str) -> bool:
    """Return whether nothing speaks against a frontal chest radiograph."""
    frontal = view_name(view) in ("PA", "AP", "FRONTAL", "")
    return frontal and modality.upper() in RADIOGRAPHY and is_chest(part)


def view_name(view: str) -> str:
    """Return PA, AP, FRONTAL, LATERAL or OBLIQUE; another word as it is; empty where unknown."""
    name = _plain(view)
    if name in UNKNOWN:
        return ""
    words = {word: known for known, group in VIEWS.items() for word in group}
    return words.get(name) or _view_within(name) or view.strip().upper()


def is_chest(part: str) -> bool:
    """Return whether a body part is the chest, or leaves it open."""
    return _plain(part) in UNKNOWN or CHEST.search(_plain(part)) is not None


def view_of(dataset: Any) -> str:
    """Return View Position, or what the patient's orientation or a description says."""
    named = text_of(dataset, "ViewPosition").upper()
    if named:
        return named
    words = {word: known for known, group in VIEWS.items() for word in group}
    for item in dataset.get("ViewCodeSequence") or ():
        meaning = text_of(item, "CodeMeaning")
        known = CODES.get(text_of(item, "CodeValue").upper()) or words.get(_plain(meaning))
        if known := known or _view_within(meaning):
            return known
    ends = [str(each).strip().upper() for each in dataset.get("PatientOrientation") or ()]
    of_patient = ""
    if len(ends) == 2:
        frontal = ends[0][:1] in ("L", "R") and ends[1][:1] in ("F", "H")
        of_patient = "LATERAL" if ends[0][:1] in ("A", "P") else "FRONTAL" if frontal else ""
    names = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
    found = next(filter(None, (_view_within(text_of(dataset, name)) for name in names)), "")
    return of_patient if of_patient == "LATERAL" or not found else found


def _view_within(text: str) -> str:
    words = {word: known for known, group in VIEWS.items() for word in group}
    phrases = "|".join(word for word in words if word not in ("L", "P A", "A P"))
    found = {words[phrase] for phrase in re.findall(rf"\b({phrases})\b", _plain(text))}
    if "OBLIQUE" in found:
        return "OBLIQUE"
    return found.pop() if len(found) == 1 else ""


def part_of(dataset: Any) -> str:
    """Return Body Part Examined, or what the Anatomic Region Sequence means."""
    regions = (text_of(item, "CodeMeaning") for item in dataset.get("AnatomicRegionSequence") or ())
    return text_of(dataset, "BodyPartExamined") or next(filter(None, regions), "")


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", text.upper()).split())


def text_of(dataset: Any, name: str) -> str:
    """Return the first value of an element as text, without what pads it."""
    value = dataset.get(name)
    if isinstance(value, MultiValue):
        value = value[0] if value else ""
    return str(value if value is not None else "").strip(" \t\r\n\0")
