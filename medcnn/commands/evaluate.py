"""``medcnn evaluate``: results and a report from a run, several runs, or bare predictions."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from medcnn.calibration.options import read_safeguards
from medcnn.commands.validation import validation_predictions
from medcnn.config import plain
from medcnn.console import warn
from medcnn.errors import ConfigError, DataError
from medcnn.evaluation.compare import compare
from medcnn.evaluation.results import evaluate
from medcnn.evaluation.safeguards import add_results, guard
from medcnn.metrics.thresholds import Threshold, choose_threshold, fixed_threshold
from medcnn.predictions import read_predictions, write_predictions
from medcnn.reporting.report import write_predictions_report
from medcnn.reporting.summary import announce, announce_comparison
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
        return _compare(options)
    if options["predictions"] is not None:
        return _of_predictions(options)
    return _of_runs(options)


def _of_predictions(options: dict[str, Any]) -> dict[str, Any]:
    path = Path(options["predictions"])
    table = read_predictions(path)
    threshold = _threshold_for(table, options["threshold"])
    folder = Path(options["output"] or path.with_suffix("").with_name(f"{path.stem}_evaluation"))
    return _conclude(table, threshold, options, folder, table[table["split"] == "val"])


def _threshold_for(table: pd.DataFrame, wanted: str | float | None) -> Threshold:
    """Return a fixed threshold, or one chosen on the table's validation rows; never on its test."""
    validation = table[table["split"] == "val"]
    if wanted is None:
        wanted = 0.5 if validation.empty else "youden"
        if validation.empty:
            warn("no threshold was given and there are no val rows to choose one on: 0.5 is used")
    try:
        return fixed_threshold(float(wanted))
    except ValueError:
        pass
    if validation.empty:
        raise DataError(
            f"The threshold {wanted!r} has to be chosen on validation, and there is none.",
            expected="rows with split=val beside those to evaluate",
            found=", ".join(sorted(set(table["split"]))),
            remedy="add the validation predictions, or give the threshold as a number",
        )
    return choose_threshold(
        validation["label"].to_numpy(), validation["p_abnormal"].to_numpy(), wanted
    )


def _of_runs(options: dict[str, Any]) -> dict[str, Any]:
    runs = [RunDir.open(path) for path in _as_list(options["run"])]
    check_single(options, len(runs))
    saved = runs[0].predictions(options["split"])
    if saved.is_file() and runs[0].results.is_file():
        table = read_predictions(saved)
        frozen = _frozen_threshold(runs[0])
    else:
        predicting = importlib.import_module("medcnn.inference.runs")  # torch: seconds
        table, frozen = predicting.predict_split(runs, options)
    threshold = frozen
    if options["threshold"] is not None:
        threshold = fixed_threshold(_as_number(options["threshold"]))
    _count_look(runs[0], options["split"])
    val = validation_predictions(runs, options)
    folder = _output_folder(runs[0], options)
    return _conclude(table, threshold, options, folder, val)


def _frozen_threshold(run: RunDir) -> Threshold:
    chosen = read_json(run.results)["threshold"]
    return Threshold(float(chosen["value"]), chosen["rule"], chosen["chosen_on"])


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
    write_json(folder / "results.json", results)
    write_predictions(rows, folder / "predictions.csv")
    write_predictions_report(rows, results, folder / "report.html", language=options["language"])
    announce(results, folder / "report.html")
    return results


def _compare(options: dict[str, Any]) -> dict[str, Any]:
    pair = [RunDir.open(path) for path in _as_list(options["compare"])]
    if len(pair) != 2:
        raise ConfigError(
            "compare takes two runs.", expected="compare=[RUN_A,RUN_B]", found=f"{len(pair)} runs"
        )
    tables = [read_predictions(run.predictions(options["split"])) for run in pair]
    thresholds = [_frozen_threshold(run) for run in pair]
    found = compare(tables[0], tables[1], thresholds[0], thresholds[1], seed=options["seed"])
    folder = Path(
        options["output"] or pair[0].path / "evaluations" / f"against_{pair[1].path.name}"
    )
    write_json(folder / "comparison.json", found)
    announce_comparison(found, folder / "comparison.json")
    return found


def _as_list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
