"""``medcnn evaluate``: results and a report from a run, several runs, or bare predictions."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from medcnn.calibration.options import read_safeguards
from medcnn.commands.comparison import compare_two
from medcnn.commands.validation import validation_predictions
from medcnn.config import plain
from medcnn.console import warn
from medcnn.errors import ConfigError, DataError
from medcnn.evaluation.operating_point import frozen_threshold, threshold_for
from medcnn.evaluation.patients import at_level
from medcnn.evaluation.readers import read_readers, reader_results
from medcnn.evaluation.results import evaluate, jsonable
from medcnn.evaluation.safeguards import add_results, guard
from medcnn.metrics.thresholds import Threshold, fixed_threshold
from medcnn.predictions import read_predictions, write_predictions
from medcnn.reporting.report import write_predictions_report
from medcnn.reporting.summary import announce
from medcnn.run_dir import RunDir, read_json, write_json
from medcnn.settings import check_single


def run(cfg: DictConfig) -> dict[str, Any]:
    """Evaluate what the configuration names and return the results."""
    options = plain(cfg)
    given = [name for name in ("run", "predictions", "compare") if options[name] is not None]
    if len(given) != 1:
        raise ConfigError(
            "evaluate needs one thing to evaluate.",
            expected="run=RUN_DIR, run=[RUN_A,RUN_B], predictions=FILE.csv or compare=[RUN_A,RUN_B]",
            found=", ".join(given) or "nothing",
        )
    if options["compare"] is not None:
        return compare_two(options)
    if options["predictions"] is not None:
        return _of_predictions(options)
    return _of_runs(options)


def _of_predictions(options: dict[str, Any]) -> dict[str, Any]:
    path = Path(options["predictions"])
    table, notes = at_level(read_predictions(path), *_level(options))
    threshold, more = threshold_for(table, options["threshold"])
    for text in more:
        warn(text)
    folder = Path(options["output"] or path.with_suffix("").with_name(f"{path.stem}_evaluation"))
    val = table[table["split"] == "val"]
    return _conclude(table, threshold, options, folder, val, [*notes, *more])


def _level(options: dict[str, Any]) -> tuple[str, str, list[str]]:
    return options["level"], options["aggregate"], options["subgroups"]


def _of_runs(options: dict[str, Any]) -> dict[str, Any]:
    runs = [RunDir.open(path) for path in _as_list(options["run"])]
    check_single(options, len(runs))
    saved = runs[0].predictions(options["split"])
    if saved.is_file() and runs[0].results.is_file():
        table = read_predictions(saved)
        frozen = frozen_threshold(runs[0])
    else:
        predicting = importlib.import_module("medcnn.inference.runs")  # torch: seconds
        table, frozen = predicting.predict_split(runs, options)
    threshold = frozen
    if options["threshold"] is not None:
        threshold = fixed_threshold(_as_number(options["threshold"]))
    _count_look(runs[0], options["split"])
    val = validation_predictions(runs, options)
    folder = _output_folder(runs[0], options)
    table, notes = at_level(table, *_level(options))
    if notes:
        val = val if val is None else at_level(val, *_level(options))[0]
        notes = (*notes, "The threshold is the run's own, chosen on images.")
    return _conclude(table, threshold, options, folder, val, notes)


def _as_number(text: Any) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(
            f"The threshold of a run is frozen; {text!r} would choose it again.",
            expected="nothing (the run's own threshold) or a number",
            found=repr(text),
            remedy="train with threshold=RULE to freeze another rule on validation",
        ) from error


def _count_look(run: RunDir, split: str) -> None:
    """Count every look at the test split in the run's ledger."""
    if split != "test" or not run.environment.is_file():
        return
    journal = read_json(run.environment)
    journal["test_looks"] = journal.get("test_looks", 1) + 1
    write_json(run.environment, journal)


def _output_folder(run: RunDir, options: dict[str, Any]) -> Path:
    if options["output"]:
        return Path(options["output"])
    return run.path / "evaluations" / str(options["split"])


def _conclude(
    table: pd.DataFrame,
    threshold: Threshold,
    options: dict[str, Any],
    folder: Path,
    val: pd.DataFrame | None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    rows = table[table["split"] == options["split"]]
    if rows.empty:
        raise DataError(
            f"There are no predictions of the split {options['split']!r}.",
            expected=f"split={' | '.join(sorted(set(table['split'])))}",
            found=options["split"],
        )
    guarded = guard(val, rows, threshold, read_safeguards(options), seed=options["seed"])
    rows = guarded.table
    results = evaluate(
        rows,
        threshold,
        split=options["split"],
        subgroups=options["subgroups"],
        seed=options["seed"],
    )
    add_results(results, guarded, threshold, subgroups=options["subgroups"], seed=options["seed"])
    results["unit"] = {"level": options["level"], "aggregate": options["aggregate"]}
    results["warnings"] = [*notes, *results["warnings"]]
    if options["readers"] is not None:
        found, more = reader_results(rows, read_readers(options["readers"]), threshold.value)
        results["readers"] = jsonable(found)
        results["warnings"] += more
    write_json(folder / "results.json", results)
    write_predictions(rows, folder / "predictions.csv")
    runs = [] if options["run"] is None else _as_list(options["run"])
    write_predictions_report(
        rows,
        results,
        folder / "report.html",
        language=options["language"],
        run=RunDir.open(runs[0]) if len(runs) == 1 else None,
    )
    announce(results, folder / "report.html")
    return results


def _as_list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
