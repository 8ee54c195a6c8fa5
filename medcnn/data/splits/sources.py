"""Splits of several sources: each keeps its own, and sources that share patients are split together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from medcnn.data.manifest import Manifest
from medcnn.data.sources.several import SOURCE

Assign = Callable[[Manifest, Sequence[str]], Manifest]


def assign_by_source(manifest: Manifest, assign: Assign, *, group: str) -> Manifest:
    """Return the manifest with the splits that ``assign`` makes of each block of sources.

    A split that one source publishes and another lacks would otherwise leave the other out of it.
    Sources with patients in common are one block, so that a patient stays on one side.

    Args:
        manifest: With the column ``source``.
        assign: Takes the rows of a block and the columns to balance besides the label.
        group: The column whose values never stand on both sides.
    """
    parts = []
    for block in blocks(manifest.table, group):
        rows = manifest.table[manifest.table[SOURCE].isin(block)]
        split = assign(manifest.with_table(rows), (SOURCE,) if len(block) > 1 else ())
        parts.append(split.table)
    table = pd.concat(parts)
    order = pd.Index(table["image_id"]).get_indexer(pd.Index(manifest.table["image_id"]))
    return manifest.with_table(table.iloc[order])


def blocks(table: pd.DataFrame, group: str) -> list[tuple[str, ...]]:
    """Return the sources in groups that share no value of ``group``, in the order of the rows.

    >>> blocks(pd.DataFrame({"source": ["a", "b", "c", "c"], "p": ["1", "2", "1", "3"]}), "p")
    [('a', 'c'), ('b',)]
    """
    pairs = table[[SOURCE, group]].drop_duplicates()
    found: list[list[str]] = [[name] for name in pairs[SOURCE].unique()]
    for together in pairs.groupby(group, sort=False)[SOURCE].agg(tuple).unique():
        found = _joined(found, together)
    return [tuple(block) for block in found]


def _joined(found: list[list[str]], together: Iterable[str]) -> list[list[str]]:
    names = set(together)
    touched = [block for block in found if names & set(block)]
    if len(touched) < 2:
        return found
    merged = [name for block in touched for name in block]
    rest = [block for block in found if block not in touched]
    return [merged, *rest]
