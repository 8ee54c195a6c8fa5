"""What a reader noticed about one file, as data: a kind to count by, and a sentence of this file.

A file whose pixels could be read may still not show what it seems to. Each such thing is a ``Note``:
its kind is one of ``KINDS``, whose sentence says the same of any number of files ("12 of 72 images:
…") and whose remedy says what to do; its text names the element and what was done with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Kind(NamedTuple):
    """What all notes of a kind have in common.

    Attributes:
        sentence: What is so, in words that follow a number of images and a colon.
        remedy: What to do about it.
    """

    sentence: str
    remedy: str


class Note(NamedTuple):
    """One thing that is not as it should be in one file.

    Attributes:
        kind: A key of ``KINDS``.
        text: What it is and what was done about it; never a value that may identify a person.
    """

    kind: str
    text: str


_LOOK = "look at the image, for example in a viewer"
_EXPORT = "export the files again, and look at some of them in a viewer"

KINDS: Mapping[str, Kind] = {
    "raw": Kind(
        "FOR PROCESSING: raw detector values, shown without the maker's processing",
        "export the same images FOR PRESENTATION, or train and predict on raw ones alike",
    ),
    "polarity": Kind(
        "black and white are declared the other way round than the chest shows: turned round",
        "look at some of them; correct Photometric Interpretation where they are stored",
    ),
    "inverted": Kind(
        "inverted, it seems: the lungs are brighter than the mediastinum",
        "check Photometric Interpretation, or invert the files; air has to be dark",
    ),
    "dark": Kind(
        "dark: next to no pixel uses more than 30 % of the range",
        "scale the values to the full range, as 12 bits kept in 16 need it",
    ),
    "blank": Kind(
        "hardly anything to be seen: next to no contrast",
        "leave them out",
    ),
    "mask": Kind(
        "two even areas, as a mask has them, and no radiograph",
        "leave masks out by data.exclude=[PATTERN]",
    ),
    "lateral_view": Kind(
        "a lateral view",
        "leave them out unless the model is meant for lateral views too",
    ),
    "other_view": Kind(
        "a view other than PA and AP",
        "look at some of them; frontal views are expected",
    ),
    "wrong_modality": Kind(
        "not a radiograph, by Modality",
        "leave them out; expected is one of CR, DX, RG",
    ),
    "wrong_body_part": Kind(
        "not of the chest, by Body Part Examined",
        "leave them out: a model for chest X-rays gives them a number all the same",
    ),
    "multi_frame": Kind(
        "several frames or pages, of which the first is used",
        "keep one image a file",
    ),
    "colour": Kind(
        "in colour, of which the luminance is used",
        "look for pages, photographs and screenshots among them",
    ),
    "transparency": Kind("transparency, which is ignored", _LOOK),
    "voi_lut": Kind("a VOI LUT that contradicts itself, or cannot be used", _EXPORT),
    "modality_lut": Kind("a modality LUT that contradicts itself, or cannot be used", _EXPORT),
    "presentation_lut": Kind(
        "a presentation LUT that contradicts the rest, or cannot be used", _LOOK
    ),
    "window": Kind("a window that cannot be used", _EXPORT),
    "rescale": Kind("a Rescale Slope or Intercept that cannot be used", _EXPORT),
    "padding": Kind("a padding value that contradicts the pixels", _LOOK),
    "photometric": Kind("an unknown, missing or contradicted Photometric Interpretation", _LOOK),
    "bits": Kind("declared bits that contradict the pixels", _LOOK),
    "sign": Kind("a declared sign of the pixels that contradicts them", _LOOK),
    "size": Kind("a declared size that contradicts the pixels", _LOOK),
    "transfer_syntax": Kind("a transfer syntax that contradicts the data, or none", _EXPORT),
    "cut_off": Kind("a codestream without its end: perhaps cut off", _EXPORT),
    "damaged_element": Kind("an element that cannot be read, beside good pixels", _EXPORT),
}
"""Every kind of note, the ones that mislead most first."""


def count_kinds(notes: Iterable[Iterable[Note | tuple[str, str] | list[str]]]) -> dict[str, int]:
    """Return how many images have a note of each kind, in the order of ``KINDS``.

    Args:
        notes: The notes of each image.

    >>> dark = Note("dark", "16-bit file whose values stay below 4096")
    >>> count_kinds([(dark,), (dark, Note("raw", "FOR PROCESSING")), ()])
    {'raw': 1, 'dark': 2}
    """
    found = Counter(kind for each in notes for kind in {kind for kind, _ in each})
    return {kind: found[kind] for kind in KINDS if found[kind]}
