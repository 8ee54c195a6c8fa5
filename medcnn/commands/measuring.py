"""From predictions to results: what every way of ``medcnn evaluate`` does with its cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from medcnn.commands.settings import Evaluate
from medcnn.errors import DataError
from medcnn.evaluation.patients import unit_of
from medcnn.evaluation.readers import reader_results
from medcnn.evaluation.results import Results, evaluate
from medcnn.evaluation.safeguards import safeguard, with_safeguards
from medcnn.files.records import to_json
from medcnn.metrics.thresholds import Threshold
from medcnn.predictions import write_predictions
from medcnn.reporting.contents import Examined
from medcnn.reporting.report import write_predictions_report
from medcnn.reporting.summary import announce
from medcnn.run.directory import RunDir, write_json


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


def write_evaluation(
    rows: pd.DataFrame,
    results: Results,
    asked: Evaluate,
    folder: Path,
    *,
    name: str | None = None,
    images: Examined | None = None,
) -> None:
    """Write results, predictions and report into a folder, and say what they are.

    Args:
        rows: The cases.
        results: Theirs.
        asked: What was asked for; the report tells of its run, where it is one.
        folder: Where to.
        name: What the report calls them; None: as the run, or the folder.
        images: What was predicted, where it is none of the run's own.
    """
    write_json(folder / "results.json", to_json(results))
    write_predictions(rows, folder / "predictions.csv")
    run = RunDir.open(asked.run[0], asked.moved) if len(asked.run) == 1 else None
    page = folder / "report.html"
    write_predictions_report(
        rows, results, page, language=asked.language, name=name, run=run, images=images
    )
    announce(results, page)


def way_of_looking(asked: Evaluate) -> list[str]:
    """Return the runs, views and passes that are asked for, as parts of the name of a folder."""
    views, runs = asked.inference.views, len(asked.run)
    named = (("vote", views.vote), ("tta", views.tta), ("mc_samples", views.mc_samples))
    several = [f"{runs}_runs"] if runs > 1 else []
    return [*several, *(f"{key}-{value}" for key, value in named if value)]
