"""Any dictionary of results as headed tables: for parts of the results without a page of their own.

A part of ``results.json`` may hold estimates, plain numbers and texts, dictionaries of these, and
lists of such dictionaries. Each becomes a line or a table, so that nothing that was computed has to
wait for a template before it is seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medcnn.metrics.estimate import Estimate
from medcnn.reporting.tables import shown_as, with_interval
from medcnn.reporting.wording import Wording

LONGEST = 30  # rows of a table; curves are longer, and belong into a figure


@dataclass(frozen=True)
class Block:
    """One part of the results.

    Attributes:
        title: Its heading, or empty.
        facts: Names and values, intervals included.
        header: The headings of its table, or empty.
        rows: The cells of its table.
        note: What was left out, or empty.
    """

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    note: str = ""


def describe(title: str, raw: Any, words: Wording) -> list[Block]:
    """Return the blocks of one part of the results, itself first; empty where it holds nothing.

    Args:
        title: What it is called.
        raw: The value in ``results.json``.
        words: The language.
    """
    if isinstance(raw, list):
        return _listed(title, raw, words)
    if not isinstance(raw, Mapping):
        return []
    facts: list[tuple[str, str]] = []
    deeper: list[Block] = []
    for key, value in raw.items():
        name = words.measure(str(key))
        if is_estimate(value) or not isinstance(value, (Mapping, list)):
            shown = words.verbatim(name) if " " in str(key) else name
            facts += [(shown, text) for text in [cell(str(key), value, words)] if text]
        else:
            deeper += describe(f"{title} · {name}" if title else name, value, words)
    return ([Block(title, tuple(facts))] if facts else []) + deeper


def is_estimate(raw: Any) -> bool:
    """Say whether a value of the results is an estimate with its interval."""
    return isinstance(raw, Mapping) and "value" in raw and "ci" in raw


def cell(key: str, raw: Any, words: Wording) -> str:
    """Return one value as text; empty where there is none."""
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return words("common.yes" if raw else "common.no")
    if isinstance(raw, int):
        return words.count(raw)
    if isinstance(raw, str):
        named = words.name("word", raw)
        return words.verbatim(raw) if named == raw and " " in raw else named
    if is_estimate(raw):
        return with_interval(key, Estimate.from_json(raw), words)
    if isinstance(raw, (Mapping, list)):
        return ", ".join(str(item) for item in raw)
    return words.p_value(raw) if key.startswith("p_") else shown_as(key, words)(raw)


def _listed(title: str, raw: Sequence[Any], words: Wording) -> list[Block]:
    rows = [item for item in raw if isinstance(item, Mapping)]
    if not raw:
        return []
    if not rows:
        return [Block(title, ((title, ", ".join(str(item) for item in raw)),))]
    if len(rows) > LONGEST:
        return [Block(title, note=words("details.long", n=words.count(len(rows))))]
    keys = list(dict.fromkeys(str(key) for row in rows for key in row))
    return [
        Block(
            title,
            header=tuple(words.measure(key) for key in keys),
            rows=tuple(tuple(cell(key, row.get(key), words) for key in keys) for row in rows),
        )
    ]
