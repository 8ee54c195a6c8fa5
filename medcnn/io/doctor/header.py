"""Modality, body part and view: whether a file is a frontal chest radiograph at all."""

from __future__ import annotations

from collections.abc import Iterator

from medcnn.io.doctor.finding import Finding
from medcnn.io.facts import Facts
from medcnn.io.notes import KINDS
from medcnn.io.words import RADIOGRAPHY, SHOWN_KINDS, is_radiography, view_name


def header_findings(facts: Facts) -> Iterator[Finding]:
    """Yield what the header says against a frontal chest radiograph, and what it leaves open."""
    for note in facts.notes:
        if note.kind in SHOWN_KINDS:
            yield Finding("warning", note.kind, note.text, KINDS[note.kind].remedy)
    yield from _unknown(facts)


def _unknown(facts: Facts) -> Iterator[Finding]:
    trust = "look at it, or trust the source"
    modality = facts.modality.upper()
    if modality not in RADIOGRAPHY and is_radiography(modality):
        problem = f"perhaps no radiograph (Modality {modality or 'is empty'})"
        yield Finding("note", "unknown_modality", problem, trust)
    if not facts.body_part:
        problem = "body part unknown (Body Part Examined is empty)"
        yield Finding("note", "unknown_body_part", problem, trust)
    if not view_name(facts.view):
        problem = "view unknown (View Position is empty)"
        remedy = "look at it; frontal views are expected"
        yield Finding("note", "unknown_view", problem, remedy)
