"""The words of DICOM for what is shown, in one table: modality, view, body part and side.

Devices, anonymisers and releases spell them as they like. Reader, doctor, the checks before a
prediction and the sources of data all ask here, so that the same radiograph is answered the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from medcnn.io.facts import Facts
from medcnn.io.notes import Note

RADIOGRAPHY = ("CR", "DX", "RG", "RF", "DR", "XR")
"""Modalities of projection radiography (PS3.3 C.7.3.1.1.1); DR and XR are not of the standard but
common, and rooms for fluoroscopy (RF) make chest radiographs too."""

UNSPECIFIC = ("", "OT", "SC", "XC", "HC")
"""Modalities that leave open what is shown."""

FRONTAL = ("PA", "AP", "FRONTAL")
"""The views that ``view_name`` gives to frontal ones."""

_UNKNOWN = ("", "UNK", "UNKNOWN", "NAN", "NONE", "NA", "N A", "OTHER", "UNSPECIFIED", "DEFAULT")
_VIEWS = {
    "PA": ("PA", "P A", "POSTEROANTERIOR", "POSTERO ANTERIOR", "POSTERIOR ANTERIOR"),
    "AP": ("AP", "A P", "ANTEROPOSTERIOR", "ANTERO POSTERIOR", "ANTERIOR POSTERIOR"),
    "FRONTAL": ("FRONTAL", "FRONT"),
    "LATERAL": ("LATERAL", "LAT", "L", "LL", "RL", "LLD", "RLD", "LLAT", "RLAT"),
    "OBLIQUE": ("OBLIQUE", "OBL", "LLO", "RLO", "LAO", "RAO", "LPO", "RPO"),
}
"""View positions of PS3.3 C.8.1.3 and C.8.11.7, and what devices and releases write beside them."""

_WORDS = {word: view for view, words in _VIEWS.items() for word in words}
_IN_TEXT = re.compile(
    rf"\b({'|'.join(word for word in _WORDS if word not in ('L', 'P A', 'A P'))})\b"
)
_CODES = {
    **dict.fromkeys(("272479007", "R-10214"), "PA"),
    **dict.fromkeys(("399348003", "R-10206"), "AP"),
    "399033003": "FRONTAL",
    **dict.fromkeys(("399067008", "R-102CD", "399173006", "R-10236"), "LATERAL"),
    **dict.fromkeys(("399198007", "R-10232"), "LATERAL"),
}
"""Codes of the View Code Sequence, SNOMED CT and SRT (PS3.16 CID 4010)."""

_CHEST = re.compile(
    r"CHEST|TH?ORA[XCK]|LUNG|PULM|\bRIBS?\b|\bCXR\b|POITRINE|\bPECHO\b|\bBRUST|ГРУД|胸"
)
_SIDES = {"LEFT": "L", "RIGHT": "R", "BOTH": "B", "BILATERAL": "B", "UNPAIRED": "U"}


def is_radiography(modality: str) -> bool:
    """Return whether a Modality is one of projection radiography, or leaves it open."""
    return modality.strip().upper() in (*RADIOGRAPHY, *UNSPECIFIC)


def is_chest(body_part: str) -> bool:
    """Return whether a body part is the chest, or leaves it open.

    >>> is_chest("Port Chest"), is_chest("THORAX_PA"), is_chest(""), is_chest("TRIBUNE")
    (True, True, True, False)
    """
    name = _plain(body_part)
    return name in _UNKNOWN or _CHEST.search(name) is not None


def view_name(view: str) -> str:
    """Return PA, AP, FRONTAL, LATERAL or OBLIQUE; another word as it is; empty where unknown.

    >>> [view_name(word) for word in ("postero-anterior", "AP_SUPINE", "LL", "RLO", "Costal", "UNK")]
    ['PA', 'AP', 'LATERAL', 'OBLIQUE', 'COSTAL', '']
    """
    name = _plain(view)
    if name in _UNKNOWN:
        return ""
    return _WORDS.get(name) or view_within(name) or view.strip().upper()


def view_within(text: str) -> str:
    """Return the one view that a text names beside other words; empty where none or several are.

    >>> view_within("W Chest Lat."), view_within("CHEST PA AND LATERAL"), view_within("L spine")
    ('LATERAL', '', '')
    """
    name = _plain(text)
    found = {_WORDS[phrase] for phrase in _IN_TEXT.findall(name)}
    if "OBLIQUE" in found:
        return "OBLIQUE"
    return found.pop() if len(found) == 1 else ""


def view_of_code(value: str, meaning: str) -> str:
    """Return the view that an item of the View Code Sequence names, by its code or its meaning."""
    return _CODES.get(value.strip().upper()) or _WORDS.get(_plain(meaning), view_within(meaning))


def view_of_orientation(row: str, column: str) -> str:
    """Return LATERAL or FRONTAL as Patient Orientation says (PS3.3 C.7.6.1.1.1), else empty.

    Rows that run from front to back show the chest from its side.
    """
    if row[:1] in ("A", "P"):
        return "LATERAL"
    return "FRONTAL" if row[:1] in ("L", "R") and column[:1] in ("F", "H") else ""


def side_name(laterality: str) -> str:
    """Return L, R, B or U; empty where it is none of them.

    >>> side_name("left"), side_name("R "), side_name("?")
    ('L', 'R', '')
    """
    name = laterality.strip().upper()
    name = _SIDES.get(name, name)
    return name if name in _SIDES.values() else ""


def is_frontal_chest(facts: Facts) -> bool:
    """Return whether nothing in the facts speaks against a frontal chest radiograph."""
    is_frontal = view_name(facts.view) in (*FRONTAL, "")
    return is_frontal and is_radiography(facts.modality) and is_chest(facts.body_part)


def shown_notes(facts: Facts) -> Iterator[Note]:
    """Yield what the facts say against a frontal chest radiograph; nothing of what is unknown."""
    if not is_radiography(facts.modality):
        yield Note("wrong_modality", f"not a radiograph (Modality {word(facts.modality)})")
    if not is_chest(facts.body_part):
        named = word(facts.body_part.upper())
        yield Note("wrong_body_part", f"not of the chest (Body Part Examined {named})")
    view = view_name(facts.view)
    if view == "LATERAL":
        yield Note("lateral_view", f"a lateral view (View Position {word(facts.view)})")
    elif view not in (*FRONTAL, ""):
        yield Note("other_view", f"a view other than PA and AP (View Position {word(facts.view)})")


SHOWN_KINDS = ("wrong_modality", "wrong_body_part", "lateral_view", "other_view")
"""The kinds of ``shown_notes``."""


def word(value: str) -> str:
    """Return a coded value, or that it is none: free text may hold anything."""
    return value if len(value) <= 16 and re.sub("[ _]", "", value).isalnum() else "of another kind"


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", text.upper()).split())
