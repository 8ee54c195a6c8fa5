"""The words and the number formats of a report, in the language it is written in.

All strings stand in ``catalogue.toml``, the languages side by side, so that a missing translation is
seen at once. English writes 0.95 and 1,000; German writes 0,95 and 1.000.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from medcnn.errors import unknown_name

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

    def number(self, value: float | None, digits: int = 3) -> str:
        """Return a number with fixed digits; None and NaN read "not estimable"."""
        if value is None or not math.isfinite(value):
            return self("common.not_estimable")
        return self._localised(f"{value:,.{digits}f}")

    def percent(self, value: float | None, digits: int = 1) -> str:
        """Return a proportion in [0, 1] as a percentage."""
        if value is None or not math.isfinite(value):
            return self("common.not_estimable")
        return self._localised(f"{100 * value:,.{digits}f}") + "\u202f%"

    def count(self, value: int | None) -> str:
        """Return a count with its thousands separated."""
        return MISSING_DIGITS if value is None else self._localised(f"{int(value):,d}")

    def _localised(self, text: str) -> str:
        if text.startswith("-"):
            text = "\u2212" + text[1:]
        return text.translate(str.maketrans(",.", ".,")) if self.language == "de" else text
