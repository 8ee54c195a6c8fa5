"""The warnings of an evaluation in the report's language.

``results.json`` is written once, in English, and read by reports in any language: a warning is
recognised by the English sentence of ``catalogue.toml`` that it fills.
"""

from __future__ import annotations

import re
from functools import cache

from medcnn.reporting.wording import Wording, catalogue

FACTS = ("measure", "common", "split", "fact")


def translated(text: str, words: Wording) -> str | None:
    """Return a warning in the report's language, or None where it is known in English alone."""
    if words.language == "en":
        return text
    for key, pattern in _patterns():
        match = pattern.fullmatch(text)
        if match:
            facts = {name: _fact(value, words) for name, value in match.groupdict().items()}
            return words(key, **facts)
    return None


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the sentences as patterns, those with the most fixed text first."""
    found = []
    for key, entry in catalogue().items():
        if key.startswith("sentence."):
            parts = re.split(r"\{(\w+)\}", entry["en"])
            fixed, names = parts[::2], parts[1::2]
            text = re.escape(fixed[0]) + "".join(
                f"(?P<{name}>.+?){re.escape(after)}"
                for name, after in zip(names, fixed[1:], strict=True)
            )
            found.append((sum(map(len, fixed)), key, re.compile(text)))
    return tuple((key, pattern) for _, key, pattern in sorted(found, reverse=True))


def _fact(value: str, words: Wording) -> str:
    """Return a number, a measure or a class in the report's language, names as they are."""
    localised = re.sub(r"(?<![\w.])([-+]?\d+)\.(\d+)(?![\w.]*\.\d)", r"\1,\2", value)
    localised = re.sub(r"(?<=[\d%]) to (?=[-+]?\d)", " bis ", localised)
    return re.sub(
        r"(?<![\w=.])[A-Za-z_]+(?![\w=.])", lambda found: _name(found[0], words), localised
    )


def _name(word: str, words: Wording) -> str:
    for section in FACTS:
        if words.has(f"{section}.{word.lower()}"):
            named = words(f"{section}.{word.lower()}")
            return named.upper() if word.isupper() and len(word) > 1 else named
    return word
