"""Classes, patients and sizes of each split: the table that shows at a glance what differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from medcnn.data.manifest import SPLITS
from medcnn.notices import Notice


def by_split(table: pd.DataFrame, facts: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one entry a split: images, patients, classes, original sizes and kinds of file.

    Args:
        table: The manifest's rows.
        facts: ``rows``, ``columns``, ``bits`` and ``kind`` of the original of each row.
    """
    kept = facts.reset_index(drop=True)
    return [
        _entry(split, table[chosen], kept[chosen])
        for split in SPLITS
        for chosen in [table["split"].eq(split).to_numpy()]
    ]


def _entry(split: str, rows: pd.DataFrame, facts: pd.DataFrame) -> dict[str, Any]:
    abnormal = int(rows["label"].sum())
    return {
        "split": split,
        "images": len(rows),
        "patients": int(rows["patient_id"].nunique()),
        "abnormal": abnormal,
        "prevalence": abnormal / len(rows) if len(rows) else None,
        "rows": _range(facts["rows"]),
        "columns": _range(facts["columns"]),
        "bits": _range(facts["bits"]),
        "kinds": _counts(facts["kind"]),
        "views": _counts(rows["view"]),
    }


def _range(column: pd.Series) -> dict[str, float] | None:
    """Return the smallest, the median and the largest value, None where no value is known."""
    values = pd.to_numeric(column, errors="coerce").dropna()
    if values.empty:
        return None
    low, middle, high = np.percentile(values, [0, 50, 100]).tolist()
    return {"min": low, "median": middle, "max": high}


def _counts(column: pd.Series) -> dict[str, int]:
    counts = column.fillna("").astype(str).value_counts()
    return {str(name) or "unknown": int(count) for name, count in counts.items()}


def first_names(key: str, names: Sequence[object], **facts: object) -> list[Notice]:
    """Return one notice that counts ``names`` and quotes the first three, none where empty.

    >>> first_names("unreadable", ["a"])
    ['1 file is not readable: a.']
    """
    if not len(names):
        return []
    shown: Any = [str(name) for name in names[:3]]
    if len(names) > 3:
        shown = Notice("names_more", names=shown, more=len(names) - 3)
    return [Notice(key, n=len(names), names=shown, **facts)]
