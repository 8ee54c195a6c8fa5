"""What a reader noticed about one file, as data: a kind to count by, and a sentence of this file.

A file whose pixels could be read may still not show what it seems to. Each such thing is a ``Note``:
its kind is one of ``KINDS``, whose sentence says the same of any number of files ("12 of 72 images:
…") and whose remedy says what to do; its text names the element and what was done with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from medcnn.notices import catalogue


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


KINDS: Mapping[str, Kind] = {
    key.removeprefix("reader_"): Kind(entry["sentence"], entry["remedy"])
    for key, entry in catalogue().items()
    if key.startswith("reader_")
}
"""Every kind of note, the ones that mislead most first, as the catalogue of notices has them."""


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
