"""Which groups go where: drawn by stratum from a seed, whatever the order of the rows.

A group is usually a patient; it moves as a whole. Its stratum is its highest label, so that a patient
with one abnormal image counts as abnormal, and its first value of each further column.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from medcnn.errors import DataError

BINS = 4
MANY = 10
"""Distinct numbers above which a column is balanced by its quartiles: every age is not a stratum."""


def fold_of_groups(
    table: pd.DataFrame, folds: int, seed: int, stratify: Sequence[str], group: str
) -> dict[str, int]:
    """Return the fold of each group: every stratum is dealt out in turn, so folds are balanced."""
    groups = _groups(table, stratify, group, np.random.default_rng([seed, folds]))
    found: dict[str, int] = {}
    for members in _strata(groups, ["label", *stratify]):
        for name in members[group]:
            found[name] = len(found) % folds
    return found


def draw(
    table: pd.DataFrame, name: str, fraction: float, seed: int, stratify: Sequence[str], group: str
) -> set[str]:
    """Return a fraction of the groups of each label, at least one, shared out over the strata.

    Args:
        table: The rows to draw from.
        name: The split to draw for: each has numbers of its own.
        fraction: Part of the groups.
        seed: Seed of the draw.
        stratify: Columns to balance besides the label.
        group: The column of the groups.
    """
    groups = _groups(table, stratify, group, np.random.default_rng([seed, len(name)]))
    chosen: set[str] = set()
    for of_label in _strata(groups, ["label"]):
        total = round(fraction * len(of_label))
        total = max(total, 1) if len(of_label) > 1 else total
        seen = taken = 0
        for members in _strata(of_label, list(stratify)):
            seen += len(members)
            # The running total is rounded, not each share, so that strata of one or two count too.
            count = round(total * seen / len(of_label)) - taken
            chosen.update(members[group].iloc[:count])
            taken += count
    return chosen


def newest(table: pd.DataFrame, fraction: float, by_date: str, group: str) -> set[str]:
    """Return the fraction of the groups whose last image is the most recent.

    Raises:
        DataError: If an image has no date.
    """
    with warnings.catch_warnings():
        # Where pandas cannot tell the format, what is no date is counted below.
        warnings.filterwarnings("ignore", "Could not infer format", UserWarning)
        dates = pd.to_datetime(table[by_date].astype(str), errors="coerce")
    if dates.isna().any():
        raise DataError(
            f"Of {len(dates)} images, {int(dates.isna().sum())} have no date in {by_date!r}.",
            expected="a date in every row, for example 20240131 or 2024-01-31",
            remedy="drop these rows, or split by patient at random",
        )
    last = dates.groupby(table[group]).max().sort_values(kind="stable")
    return set(last.index[len(last) - max(round(fraction * len(last)), 1) :])


def matching(table: pd.DataFrame, conditions: Sequence[str], group: str) -> set[str]:
    """Return the groups that have an image which fulfils a condition such as ``site:B``.

    Raises:
        DataError: If a condition names an unknown column or a value that does not occur.
    """
    return {name for text in conditions for name in _matching(table, text, group)}


def _matching(table: pd.DataFrame, condition: str, group: str) -> set[str]:
    column, _, value = condition.partition(":")
    if column not in table:
        raise DataError(
            f"data.hold_out names a column {column!r} that the manifest does not have.",
            expected="COLUMN:VALUE with one of " + ", ".join(map(str, table.columns)),
            found=condition,
        )
    texts = table[column].astype(str)
    chosen = texts.eq(value)
    if not chosen.any():
        known = sorted(set(texts))
        raise DataError(
            f"No image has {value!r} in {column!r}.",
            expected=f"one of {', '.join(known[:8])}{' …' if len(known) > 8 else ''}",
            found=f"data.hold_out=[{condition}]",
        )
    return set(table.loc[chosen, group])


def _groups(
    table: pd.DataFrame, stratify: Sequence[str], group: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Return one row a group, sorted and then shuffled, so that the order of rows is forgotten."""
    keys = {"label": ("label", "max")} | {name: (name, "first") for name in stratify}
    groups = table.groupby(group, sort=True).agg(**keys).reset_index()
    for name in stratify:
        if pd.api.types.is_numeric_dtype(groups[name]) and groups[name].nunique() > MANY:
            groups[name] = pd.qcut(groups[name], BINS, labels=False, duplicates="drop")
    return groups.iloc[rng.permutation(len(groups))]


def _strata(groups: pd.DataFrame, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    if not columns:
        yield groups
        return
    for _, members in groups.groupby(list(columns), sort=True, dropna=False):
        yield members
