"""The terms of the report, explained where they stand and once more as a list."""

from __future__ import annotations

import re
from functools import cache

from markupsafe import Markup, escape

from medcnn.metrics.calibration import BINS
from medcnn.metrics.cells import MAX_FPR
from medcnn.reporting.wording import Wording, catalogue


def glossary(words: Wording) -> list[tuple[str, str]]:
    """Return each term with its explanation, in alphabetical order."""
    found = [(words(f"term.{key}"), _meaning(key, words)) for key in _keys()]
    return sorted(found, key=lambda pair: pair[0].casefold())


def explain(text: str, words: Wording) -> Markup:
    """Return a text with its terms as ``<abbr title=…>``, each where it stands first.

    >>> print(explain("bootstrap, BCa", Wording()))  # doctest: +ELLIPSIS
    <abbr title="...">bootstrap</abbr>, <abbr title="...">BCa</abbr>
    """
    if isinstance(text, Markup):
        return text
    pattern, keys = _pattern(words.language)
    seen: set[str] = set()
    parts, end = [], 0
    for match in pattern.finditer(text):
        key = keys[match[0].lower()]
        if key in seen:
            continue
        seen.add(key)
        meaning = _meaning(key, words)
        parts += [escape(text[end : match.start()])]
        parts += [Markup('<abbr title="{}">{}</abbr>').format(meaning, match[0])]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _meaning(key: str, words: Wording) -> str:
    return words(f"glossary.{key}", bins=words.count(BINS), max_fpr=words.number(MAX_FPR, 1))


@cache
def _keys() -> tuple[str, ...]:
    return tuple(
        key.removeprefix("glossary.") for key in catalogue() if key.startswith("glossary.")
    )


@cache
def _pattern(language: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return what finds any term, the longest first, and the key of each."""
    words = Wording(language)
    keys = {words(f"term.{key}").lower(): key for key in _keys()}
    terms = "|".join(re.escape(term) for term in sorted(keys, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{terms})(?!\w)", re.IGNORECASE), keys
