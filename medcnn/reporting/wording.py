"""The words and the number formats of a report, in the language it is written in.

All strings stand in ``catalogue.toml``, the languages side by side, so that a missing translation is
seen at once. English writes 0.95, 1,000 and 50.5%; German writes 0,95, 1.000 and 50,5 %.
"""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from markupsafe import Markup

from medcnn.errors import unknown_name
from medcnn.metrics.estimate import Estimate
from medcnn.notices import English, Notice, template

LANGUAGES = ("en", "de")
MISSING_DIGITS = "–"


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return every string as ``{"section.key": {"en": …, "de": …}}``."""
    text = resources.files("medcnn.reporting").joinpath("catalogue.toml").read_text("utf-8")
    sections = tomllib.loads(text)
    return {
        f"{section}.{key}": translations
        for section, keys in sections.items()
        for key, translations in keys.items()
    }


@cache
def _known(section: str, language: str) -> dict[str, str]:
    """Return the texts of a section by their English."""
    prefix = f"{section}."
    entries = (entry for key, entry in catalogue().items() if key.startswith(prefix))
    return {entry["en"]: entry[language] for entry in entries}


@dataclass(frozen=True)
class Wording:
    """The strings of one language: ``words("section.key", fact=…)``.

    Raises:
        ConfigError: If there is no such language.
    """

    language: str = "en"

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise unknown_name("report language", self.language, LANGUAGES)

    def __call__(self, key: str, **facts: object) -> str:
        """Return the string ``key`` with its facts filled in."""
        text = catalogue()[key][self.language]
        return text.format(**facts) if facts else text

    def has(self, key: str) -> bool:
        """Say whether there is a string ``key``."""
        return key in catalogue()

    def name(self, section: str, word: str) -> str:
        """Return the string ``section.word``, or ``word`` itself where there is none."""
        key = f"{section}.{word}"
        return self(key) if self.has(key) else word

    def measure(self, key: str) -> str:
        """Return what a measure is called; an unknown one without its underscores."""
        return self.name("measure", key).replace("_", " ")

    def group(self, column: str, value: str) -> str:
        """Return which group of cases is meant: ``sex: F``; folds count from 1."""
        shown = str(int(value) + 1) if column == "fold" and value.isdigit() else value
        return f"{self.name('column', column)}: {self.name('group', shown)}"

    def recorded(self, section: str, text: str) -> str | None:
        """Return an English text that was recorded in this language; None where it is not known."""
        return _known(section, self.language).get(text)

    def verbatim(self, text: str) -> str:
        """Return an English text as it was recorded, marked as such in another language."""
        if self.language == "en":
            return text
        return Markup('<span lang="en">{}</span>').format(text)

    def method(self, key: str) -> str:
        """Return how an interval was made, such as ``bootstrap-bca-clustered``, in words."""
        base = key
        kinds: list[str] = []
        for kind in ("clustered", "paired"):
            if base.endswith(f"-{kind}"):
                base = base.removesuffix(f"-{kind}")
                kinds.insert(0, self(f"method.{kind}"))
        return ", ".join([self.name("method", base), *kinds]) if base else ""

    def rule(self, text: str) -> str:
        """Return a threshold rule: its name in words, and the text where that says more."""
        if not text:
            return self("common.unknown")
        kind = text.partition(":")[0]
        named = self.name("rule", kind)
        return named if kind == text else f"{named} ({text})"

    def number(self, value: float | None, digits: int = 3) -> str:
        """Return a number with fixed digits; None and NaN read "not estimable"."""
        if value is None or not math.isfinite(value):
            return self("common.not_estimable")
        return self._localised(f"{value:,.{digits}f}")

    def significant(self, value: float | None) -> str:
        """Return a ratio, which may be of any size, with three significant digits."""
        if value is None or not math.isfinite(value):
            return self("common.not_estimable")
        return self.number(value, 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2)

    def p_value(self, value: float | None) -> str:
        """Return a p-value with three digits, or that it is smaller."""
        if value is None or not math.isfinite(value):
            return MISSING_DIGITS
        return f"< {self.number(0.001)}" if value < 0.001 else self.number(value)

    def difference(self, found: Estimate | None, *, points: bool = True) -> str:
        """Return a difference with its sign and interval, in percentage points or as a number."""
        if found is None or found.value is None:
            return self("common.not_estimable")
        text = self._signed(found.value, points)
        if found.ci is not None:
            # A dash between signed numbers reads as another minus.
            low, high = (self._signed(bound, points) for bound in found.ci)
            text += f" ({self('span.signed', low=low, high=high)})"
        return text

    def _signed(self, value: float, points: bool) -> str:
        text = self.number(100 * value, 1) if points else self.number(value)
        return f"+{text}" if value > 0 else text

    def percent(self, value: float | None, digits: int = 1) -> str:
        """Return a proportion in [0, 1] as a percentage."""
        if value is None or not math.isfinite(value):
            return self("common.not_estimable")
        sign = "%" if self.language == "en" else "\u202f%"
        return self._localised(f"{100 * value:,.{digits}f}") + sign

    def count(self, value: int | None) -> str:
        """Return a count with its thousands separated."""
        return MISSING_DIGITS if value is None else self._localised(f"{int(value):,d}")

    def _localised(self, text: str) -> str:
        if text.startswith("-"):
            text = "\u2212" + text[1:]
        return text.translate(str.maketrans(",.", ".,")) if self.language == "de" else text


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
