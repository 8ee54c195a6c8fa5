"""What a reader has to know: a key with its facts; its sentence stands in each language's catalogue.

A ``Notice`` is its English sentence, a text like any other to whoever only prints or counts it, and
carries the key and the facts from which a report in another language makes the sentence anew.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

SEVERITIES = ("bad", "caution", "note")
"""From what spoils the result to what is only worth knowing."""


class Notice(str):
    """The English sentence of a key and its facts.

    A fact is a number, a word, a list of words, or another notice or a list of notices; the catalogue
    says how it is printed: ``{share:.1%}`` as Python formats a number, ``{name!w}`` as a word that
    other languages translate, ``{split!u}`` as such a word in capitals. An entry with ``one`` and
    ``many`` is chosen by the fact ``n``.

    Attributes:
        key: The entry of the catalogue.
        facts: What is filled in.

    >>> notice = Notice("few_cases", n=3, name="normal", split="test")
    >>> notice
    'Only 3 normal cases on test: read the intervals, not the values.'
    >>> notice.key, notice.severity
    ('few_cases', 'caution')
    """

    __slots__ = ("facts", "key")
    key: str
    facts: dict[str, Any]

    def __new__(cls, key: str, /, **facts: Any) -> Notice:
        """Make the sentence of ``key``."""
        plain = {name: _plain(value) for name, value in facts.items()}
        text = English().format(template(key, "en", plain), **plain)
        found = super().__new__(cls, text)
        found.key, found.facts = key, plain
        return found

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        return (self.key,), self.facts

    @property
    def severity(self) -> str:
        """One of ``SEVERITIES``."""
        return str(catalogue()[self.key].get("severity", "caution"))

    def record(self) -> dict[str, Any]:
        """Return key, severity, sentence and facts as values for strict JSON."""
        facts = {name: _recorded(value) for name, value in self.facts.items()}
        return {"key": self.key, "severity": self.severity, "text": str(self), "facts": facts}


class English(string.Formatter):
    """Fills a sentence in: words as they are, lists with commas, notices without their full stop."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return one fact as text."""
        if isinstance(value, tuple):
            separator = "; " if any(isinstance(each, Notice) for each in value) else ", "
            return separator.join(self.format_field(each, format_spec) for each in value)
        if isinstance(value, Notice):
            return self.inside(value)
        return str(format(value, format_spec))

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        """Return a fact as a word (``w``) or as a word in capitals (``u``)."""
        if conversion not in ("w", "u"):
            return super().convert_field(value, conversion)
        if isinstance(value, tuple):
            return tuple(self.convert_field(each, conversion) for each in value)
        word = self.word(str(value))
        return word.upper() if conversion == "u" else word

    def word(self, word: str) -> str:
        """Return a word in this language."""
        return word

    def inside(self, notice: Notice) -> str:
        """Return a notice as a part of another's sentence."""
        return str(notice).removesuffix(".")


@cache
def catalogue() -> dict[str, dict[str, Any]]:
    """Return every sentence as ``{key: {"en": …, "de": …, "severity": …}}``."""
    text = resources.files("medcnn").joinpath("notices.toml").read_text("utf-8")
    sections = tomllib.loads(text)
    return {key: entry for section in sections.values() for key, entry in section.items()}


def template(key: str, language: str, facts: Mapping[str, object]) -> str:
    """Return the sentence of a key, for one or for many where the fact ``n`` decides."""
    entry = catalogue()[key][language]
    if isinstance(entry, str):
        return entry
    return str(entry["one" if facts.get("n") == 1 else "many"])


def noticed(key: str, facts: Mapping[str, object]) -> Notice:
    """Return the notice that ``Notice.record`` recorded."""
    return Notice(key, **{name: _restored(value) for name, value in facts.items()})


def records(texts: Iterable[str]) -> list[dict[str, Any]]:
    """Return the records of the notices among texts."""
    return [text.record() for text in texts if isinstance(text, Notice)]


def restored(texts: Iterable[str], recorded: Sequence[Mapping[str, object]]) -> list[str]:
    """Return texts as the notices that were recorded beside them, others as they are."""
    known = known_notices(recorded)
    return [known.get(text, text) for text in texts]


def known_notices(recorded: Iterable[Mapping[str, object]]) -> dict[str, Notice]:
    """Return the notices that were recorded, by their English sentences.

    A key that this version does not know, or facts that it does not fill in so, are left out.
    """
    known: dict[str, Notice] = {}
    for each in recorded:
        facts = each.get("facts")
        if str(each.get("key")) in catalogue() and isinstance(facts, Mapping):
            try:
                notice = noticed(str(each["key"]), facts)
            except (KeyError, ValueError, TypeError):
                continue
            known[str(notice)] = notice
    return known


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_plain(each) for each in value)
    # NumPy's numbers are none of JSON's.
    return value.item() if hasattr(value, "item") else value


def _recorded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_recorded(each) for each in value]
    return value.record() if isinstance(value, Notice) else value


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(each) for each in value]
    return noticed(value["key"], value["facts"]) if isinstance(value, dict) else value
