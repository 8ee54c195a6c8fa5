"""Photometric interpretations, whatever way they are spelt (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

import re

MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
NAMES = (
    *(*MONOCHROME, PALETTE, "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422"),
    *("YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "ARGB", "HSV", "CMYK"),
)
_OTHER_SPELLINGS = {
    **dict.fromkeys(
        ("MONOCHROME", "MONO2", "GRAYSCALE", "GREYSCALE", "GRAY", "GREY"), "MONOCHROME2"
    ),
    **dict.fromkeys(("MONOCROME2", "MONOCHROM2", "GRAYSCALE2"), "MONOCHROME2"),
    **dict.fromkeys(("MONO1", "MONOCROME1", "MONOCHROM1", "GRAYSCALE1"), "MONOCHROME1"),
    "PALETTE": PALETTE,
}


def photometric_name(spelt: str) -> str:
    """Return the name that the standard gives to an interpretation, or empty for an unknown one.

    >>> [photometric_name(text) for text in ("MONOCHROME 2", "monochrome1", "ybr-full", "odd")]
    ['MONOCHROME2', 'MONOCHROME1', 'YBR_FULL', '']
    """
    squeezed = _squeezed(spelt)
    names = {_squeezed(name): name for name in NAMES} | _OTHER_SPELLINGS
    return names.get(squeezed, "")


def _squeezed(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper())
