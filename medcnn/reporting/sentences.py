"""What a reader has to know, in the report's language."""

from __future__ import annotations

import re

from medcnn.notices import English, Notice, template
from medcnn.reporting.wording import Wording

WORDS = ("measure", "common", "split", "fact", "explanation", "word")
"""Sections of the catalogue that name what notices speak of."""


def said(text: str, words: Wording) -> str | None:
    """Return a notice in the report's language, or None for a text that is known in English alone."""
    if words.language == "en":
        return str(text)
    return _Translated(words).sentence(text) if isinstance(text, Notice) else None


class _Translated(English):
    """Fills a sentence in as another language writes numbers and words."""

    def __init__(self, words: Wording) -> None:
        self.words = words

    def sentence(self, notice: Notice) -> str:
        """Return the whole sentence of a notice."""
        text = template(notice.key, self.words.language, notice.facts)
        return self.vformat(text, (), notice.facts)

    def format_field(self, value: object, format_spec: str) -> str:
        """Return a fact as text, a number with the decimal comma."""
        text = super().format_field(value, format_spec)
        if isinstance(value, (int, float)) and format_spec:
            text = text.replace("-", "\u2212") if value < 0 else text
            return re.sub(r"%$", "\u202f%", text.replace(".", ","))
        return text

    def word(self, word: str) -> str:
        """Return a word of the catalogue, or the word itself where it has none."""
        for section in WORDS:
            if self.words.has(f"{section}.{word}"):
                return self.words(f"{section}.{word}")
        return word

    def inside(self, notice: Notice) -> str:
        """Return a notice as a part of another's sentence."""
        return self.sentence(notice).removesuffix(".")
