"""From predictions to results: what every way of ``medcnn evaluate`` does with its cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from medcnn.commands.settings import Evaluate
from medcnn.errors import DataError
from medcnn.evaluation.patients import unit_of
from medcnn.evaluation.readers import reader_results
from medcnn.evaluation.results import Results, evaluate
from medcnn.evaluation.safeguards import safeguard, with_safeguards
from medcnn.metrics.thresholds import Threshold


def measured(
    table: pd.DataFrame,
    threshold: Threshold,
    asked: Evaluate,
    val: pd.DataFrame | None,
    notes: Sequence[str],
    readers: pd.DataFrame | None,
) -> tuple[pd.DataFrame, Results]:
    """Return the cases of the split that is asked for, with their safeguards, and their results.

    Args:
        table: Predictions, at the level that is asked for.
        threshold: The frozen operating point.
        asked: What is asked for.
        val: Validation predictions, where a safeguard needs them.
        notes: What a reader has to know first.
        readers: Their decisions, where there are any.

    Raises:
        DataError: If there is no case of the split.
    """
    rows = table[table["split"] == asked.of]
    if rows.empty:
        raise DataError(
            f"There are no predictions of the split {asked.of!r}.",
            expected=f"split={' | '.join(sorted(set(table['split'])))}",
            found=asked.of,
        )
    safeguarded = safeguard(val, rows, threshold, asked.safeguards, seed=asked.inference.seed)
    rows = safeguarded.table
    results = evaluate(
        rows,
        threshold,
        split=asked.of,
        subgroups=asked.subgroups,
        seed=asked.inference.seed,
    )
    results = with_safeguards(results, safeguarded, subgroups=asked.subgroups)
    unit = unit_of(rows, asked.level, asked.aggregate)
    results = replace(results.warned(first=notes), unit=unit)
    if readers is not None:
        found, more = reader_results(rows, readers, threshold.value)
        results = replace(results, readers=found).warned(last=more)
    return rows, results
