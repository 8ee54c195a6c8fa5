"""Identifiers as DICOM compares them: what cannot be seen makes no difference.

Padding blanks of an identifier mean nothing (PS3.5 6.2, LO and SH), and neither does the way in which
the same characters are kept: Unicode's compatibility forms (NFKC) are one, no-break spaces are
spaces, and what has no width is nothing. ``1.0`` is how a spreadsheet writes the number ``1`` in a
column with an empty cell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import pandas as pd

MISSING = frozenset(
    ("", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "nat", "#n/a n/a")
)
"""Words for nothing, in lower case, as spreadsheets and pandas write them."""

PLACEHOLDERS = frozenset(
    (
        *(
            "anon",
            "anonym",
            "anonymous",
            "anonymized",
            "anonymised",
            "anonymouspatient",
            "anonymize",
        ),
        *("anonymizedpatient", "anonymisedpatient", "anonymise", "anonpatient", "patientanonymous"),
        *("unknown", "unk", "unknownpatient", "unbekannt", "inconnu", "desconocido", "sconosciuto"),
        *("deidentified", "deid", "removed", "redacted", "deleted", "hidden", "masked", "blank"),
        *("na", "nan", "none", "null", "nil", "noid", "nopatientid", "noname", "nn", "missing"),
        *("empty", "notavailable", "notapplicable", "undefined", "unspecified", "default", "dummy"),
        *(
            "patient",
            "patientid",
            "patid",
            "pid",
            "id",
            "test",
            "testpatient",
            "name",
            "nodata",
            "x",
        ),
    )
)
"""What software writes in the place of every identifier, without its punctuation."""

_PLAIN = re.compile(r"[\w-]+", re.ASCII)
_FLOAT = re.compile(r"(\d+)\.0+")
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_NUMBERED = re.compile(r"0+|9{2,}|(\w)\1+")


def plain_identifier(text: str) -> str:
    r"""Return an identifier without what makes no difference.

    >>> plain_identifier(" q1\u00a0"), plain_identifier("q\u200b1"), plain_identifier("12.0")
    ('q1', 'q1', '12')
    """
    if _PLAIN.fullmatch(text):
        return text
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if not text.isprintable():
        # Zero widths, directions and byte order marks are format characters (Cf), NUL a control.
        text = "".join(
            " " if char.isspace() else char
            for char in text
            if char.isspace() or unicodedata.category(char) not in ("Cc", "Cf")
        )
    text = " ".join(text.split())
    number = _FLOAT.fullmatch(text)
    return number[1] if number else text


def plain_identifiers(column: pd.Series) -> pd.Series:
    """Return a column of identifiers as text without what makes no difference; missing is missing."""
    cells = column.to_numpy(object)  # a column of text yields them one by one, slowly
    known = {value: _present(value) for value in pd.unique(cells[column.notna()])}
    return pd.Series([known.get(value) for value in cells], column.index, dtype="str")


def _present(value: object) -> str | None:
    text = plain_identifier(str(value))
    return None if text.casefold() in MISSING else text


def is_placeholder_word(identifier: str) -> bool:
    """Return whether an identifier is a word that stands for nobody.

    >>> is_placeholder_word("ANONYMOUS^"), is_placeholder_word("de-identified")
    (True, True)
    >>> is_placeholder_word("0"), is_placeholder_word("ANON0017")
    (False, False)
    """
    return re.sub(r"[\W_]+", "", identifier).casefold() in PLACEHOLDERS


def is_placeholder_number(identifier: str) -> bool:
    """Return whether an identifier may stand for nobody, and may be somebody's number as well.

    >>> [is_placeholder_number(text) for text in ("0", "000-00", "9999", "XXXX", "17", "---")]
    [True, True, True, True, False, True]
    """
    text = re.sub(r"[\W_]+", "", identifier).casefold()
    return not text or _NUMBERED.fullmatch(text) is not None


def alike(identifiers: Iterable[str]) -> tuple[int, int]:
    """Return how many identifiers another differs from by capitals alone, and by leading zeros alone.

    >>> alike(["q1", "Q1", "007", "7", "8"])
    (2, 2)
    """
    names = set(identifiers)
    folded = pd.Series([name.casefold() for name in names])
    bare = pd.Series([re.sub(r"(?<!\d)0+(?=\d)", "", name) for name in folded])
    capitals = folded.duplicated(keep=False)
    return int(capitals.sum()), int((bare.duplicated(keep=False) & ~capitals).sum())


def in_scientific_notation(identifiers: Iterable[str]) -> int:
    """Return how many identifiers are numbers such as 1.23E+11, whose last digits are lost."""
    return sum(_SCIENTIFIC.fullmatch(name) is not None for name in identifiers)
