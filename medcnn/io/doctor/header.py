"""Modality, body part and view: whether a file is a frontal chest radiograph at all."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medcnn.io.doctor.finding import Finding
from medcnn.io.facts import Facts

RADIOGRAPHY = ("CR", "DX", "RG", "DR")
"""Modalities of projection radiography (PS3.3 C.7.3.1.1.1); DR is not of the standard but common."""

UNSPECIFIC = ("", "OT", "SC", "XC")
"""Modalities that leave open what is shown."""

FRONTAL = ("PA", "AP", "AP AXIAL", "PA AXIAL", "ANTERIOR POSTERIOR", "POSTERO_ANTERIOR")
LATERAL = ("LL", "RL", "LATERAL", "LAT", "LLD", "RLD", "LEFT LATERAL", "RIGHT LATERAL")
"""View positions of PS3.3 C.8.1.3 and C.8.11.7, and what devices write beside them."""

_CHEST = ("CHEST", "THORAX", "LUNG", "CHEST_TO_ABDOMEN", "RIB", "PORT CHEST", "TORAX")
_LATERAL_CODES = ("399067008", "R-102CD", "399173006", "R-10236", "399198007", "R-10232")
"""Lateral, left lateral and right lateral projection, SNOMED CT and SRT (PS3.16 CID 4010)."""

_FRONTAL_CODES = ("399033003", "399348003", "R-10206", "272479007", "R-10214")
"""Frontal, antero-posterior and postero-anterior projection."""


def header_findings(dataset: Dataset, facts: Facts) -> Iterator[Finding]:
    """Yield what the header says against a frontal chest radiograph."""
    yield from _modality_findings(facts.modality.upper())
    yield from _body_part_findings(facts.body_part.upper())
    yield from _view_findings(dataset, facts.view)


def is_frontal_chest(facts: Facts) -> bool:
    """Return whether nothing in the facts speaks against a frontal chest radiograph."""
    return (
        facts.modality.upper() in (*RADIOGRAPHY, *UNSPECIFIC)
        and (not facts.body_part or _is_chest(facts.body_part.upper()))
        and facts.view not in LATERAL
    )


def _is_chest(body_part: str) -> bool:
    return any(word in body_part for word in _CHEST)


def _modality_findings(modality: str) -> Iterator[Finding]:
    if modality in RADIOGRAPHY:
        return
    if modality in UNSPECIFIC:
        problem = f"perhaps no radiograph (Modality {modality or 'is empty'})"
        yield Finding("note", "unknown_modality", problem, "look at it, or trust the source")
        return
    yield Finding(
        "warning",
        "wrong_modality",
        f"not a radiograph (Modality {_word(modality)})",
        f"leave it out; expected is one of {', '.join(RADIOGRAPHY[:3])}",
    )


def _body_part_findings(body_part: str) -> Iterator[Finding]:
    if not body_part:
        problem = "body part unknown (Body Part Examined is empty)"
        yield Finding("note", "unknown_body_part", problem, "look at it, or trust the source")
    elif not _is_chest(body_part):
        yield Finding(
            "warning",
            "wrong_body_part",
            f"not of the chest (Body Part Examined {_word(body_part)})",
            "leave it out: a model for chest X-rays gives it a number all the same",
        )


def _view_findings(dataset: Dataset, view: str) -> Iterator[Finding]:
    reason = _lateral_reason(dataset, view)
    if reason:
        yield Finding(
            "warning",
            "lateral_view",
            f"a lateral view ({reason})",
            "leave it out unless the model was trained on lateral views too",
        )
    elif not view and not _has_code(dataset, _FRONTAL_CODES):
        problem = "view unknown (View Position is empty)"
        yield Finding("note", "unknown_view", problem, "look at it; frontal views are expected")
    elif view and view not in FRONTAL:
        problem = f"a view other than PA and AP (View Position {_word(view)})"
        yield Finding("warning", "other_view", problem, "look at it; frontal views are expected")


def _lateral_reason(dataset: Dataset, view: str) -> str:
    if view in LATERAL:
        return f"View Position {view}"
    if view in FRONTAL:
        return ""
    if _has_code(dataset, _LATERAL_CODES):
        return "View Code Sequence"
    # Rows that run from front to back show the chest from its side (PS3.3 C.7.6.1.1.1).
    orientation = dataset.get("PatientOrientation")
    along = str(orientation[0])[:1] if orientation and len(orientation) == 2 else ""
    return "Patient Orientation" if along in ("A", "P") else ""


def _has_code(dataset: Dataset, codes: tuple[str, ...]) -> bool:
    sequence = dataset.get("ViewCodeSequence")
    items = sequence if isinstance(sequence, Sequence) else ()
    return any(str(item.get("CodeValue") or "") in codes for item in items)


def _word(value: str) -> str:
    """Return a coded value, or that it is none: free text may hold anything."""
    return value if len(value) <= 16 and value.replace(" ", "").isalnum() else "of another kind"
