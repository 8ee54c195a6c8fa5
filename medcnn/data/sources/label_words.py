"""Labels as people write them into a table: 0 and 1, a word, or several findings in one cell.

A word counts if it is one of those that name classes (``class_names``) or a finding that the releases
name (``findings.csv``), or if the user said what it means. Any other is refused with all the words that
the column holds: a guess about the label is a guess about every number that follows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from medcnn.data.sources.class_names import CELLS, class_labels, is_class_name, whole_names
from medcnn.data.sources.findings import counted, known
from medcnn.errors import DataError
from medcnn.settings.grammar import written

_BETWEEN = re.compile(r"\s*[|;,/+&]\s*|\s+and\s+", re.IGNORECASE)


class Labels(NamedTuple):
    """The labels of a column, and what its words were taken for.

    Attributes:
        column: 0, 1 or missing where the cell is empty; a cell that is a number is left as it is.
        normal: How often each word that is normal occurs.
        abnormal: How often each word that is abnormal occurs.
    """

    column: pd.Series
    normal: Counter[str]
    abnormal: Counter[str]

    def policy(self) -> str:
        """Return in one line which words are normal and which are abnormal."""
        return f"normal: {counted(self.normal) or 'none'}; abnormal: {counted(self.abnormal) or 'none'}"


def labels_of(
    column: pd.Series, source: str, normal: Sequence[str] = (), abnormal: Sequence[str] = ()
) -> Labels:
    """Return the labels that the cells of a column mean.

    Args:
        column: Cells as text, missing where they are empty.
        source: The name of the table, for messages.
        normal: Words that are normal, as the user said.
        abnormal: Words that are abnormal, as the user said.

    Raises:
        DataError: If it is not clear what a word means.
    """
    seen = Counter(map(str, column.dropna()))
    normal, abnormal = whole_names(normal, list(seen)), whole_names(abnormal, list(seen))
    said = class_labels([*normal, *abnormal], normal, abnormal)
    said = {word.strip().casefold(): label for word, label in said.items()}
    meaning = {word: _meaning(word, said) for word in seen}
    unclear = [word for word in seen if meaning[word] is None and not _is_number(word)]
    if unclear:
        raise _unclear(unclear, seen, source)
    counts = [Counter({w: n for w, n in seen.items() if meaning[w] == label}) for label in (0, 1)]
    found = column.map(lambda cell: cell if meaning.get(cell) is None else meaning[cell])
    return Labels(pd.to_numeric(found, errors="coerce"), counts[0], counts[1])


def _meaning(cell: str, said: Mapping[str, int]) -> int | None:
    """Return the label of a cell: as the user said it, else as a whole, else by its parts."""
    whole = _known(cell, said)
    if whole is not None:
        return whole
    parts = [_known(part, said) for part in _BETWEEN.split(cell.strip()) if part]
    if len(parts) < 2 or None in parts or len(set(parts)) > 1:
        return None
    return parts[0]


def _known(word: str, said: Mapping[str, int]) -> int | None:
    told = said.get(word.strip().casefold())
    if told is not None:
        return told
    named = is_class_name(word)
    if named is not None:
        return named
    cell = CELLS.get(word.strip().casefold())
    if cell is not None:
        return cell
    return {"normal": 0, "abnormal": 1}.get(known(word) or "")


def _is_number(word: str) -> bool:
    return re.fullmatch(r"[+-]?\d+([.,]\d*)?", word.strip()) is not None


def _unclear(unclear: Sequence[str], seen: Counter[str], source: str) -> DataError:
    words = Counter({word: seen[word] for word in unclear})
    option = [word for word, _ in words.most_common(3)]
    return DataError(
        f"{source}: it is not clear whether {unclear[0]!r} in the label column is normal or abnormal.",
        expected="0 and 1, normal and abnormal, No Finding, or names of findings such as pneumonia",
        found=f"{counted(seen)}; not clear: {counted(words)}",
        remedy=f"say it: {written('data.source.abnormal', option)} or "
        f"{written('data.source.normal', option)}",
    )
