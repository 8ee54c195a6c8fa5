"""``medcnn evaluate``: results and a report from a run, several runs, or bare predictions."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from medcnn.calibration.options import read_safeguards
from medcnn.commands.comparison import compare_named
from medcnn.commands.validation import as_trained, validation_predictions
from medcnn.console import warn
from medcnn.errors import ConfigError, DataError
from medcnn.evaluation.columns import with_manifest
from medcnn.evaluation.compare import Comparison
from medcnn.evaluation.operating_point import threshold_for
from medcnn.evaluation.patients import at_level, unit_of
from medcnn.evaluation.readers import reader_results, readers_for
from medcnn.evaluation.records import to_json
from medcnn.evaluation.results import Results, evaluate
from medcnn.evaluation.safeguards import guard, with_safeguards
from medcnn.evaluation.verdict import Background, classes_of
from medcnn.inference.device import check_device
from medcnn.metrics.thresholds import Threshold, fixed_threshold
from medcnn.notices import Notice
from medcnn.predictions import read_predictions, write_predictions
from medcnn.record.record import Record
from medcnn.reporting.report import write_predictions_report
from medcnn.reporting.summary import announce
from medcnn.run.directory import RunDir, write_json
from medcnn.run.journal import count_look
from medcnn.settings.composition import plain


def run(cfg: DictConfig) -> Results | list[Comparison]:
    """Evaluate what the configuration names and return the results, or the comparisons."""
    options = plain(cfg)
    check_device(options["device"])
    given = [name for name in ("run", "predictions", "compare") if options[name] is not None]
    if len(given) != 1:
        raise ConfigError(
            "evaluate needs one thing to evaluate.",
            expected="run=RUN_DIR, run=[RUN_A,RUN_B], predictions=FILE.csv or compare=[RUN_A,RUN_B]",
            found=", ".join(given) or "nothing",
        )
    if options["compare"] is not None:
        return compare_named(options)
    if options["predictions"] is not None:
        return _of_predictions(options)
    return _of_runs(options)


def _of_predictions(options: dict[str, Any]) -> Results:
    path = Path(options["predictions"])
    images = read_predictions(path, options["columns"])
    table, notes = at_level(images, *_level(options))
    threshold, more = threshold_for(table, options["threshold"], images)
    for text in more:
        warn(text)
    folder = Path(options["output"] or path.with_suffix("").with_name(f"{path.stem}_evaluation"))
    val = table[table["split"] == "val"]
    readers = readers_for(options["readers"], images, options["level"])
    background = Background(validation=classes_of(val))
    return _conclude(table, threshold, options, folder, val, [*notes, *more], readers, background)


def _level(options: dict[str, Any]) -> tuple[str, str, list[str]]:
    return options["level"], options["aggregate"], options["subgroups"]


def _of_runs(options: dict[str, Any]) -> Results:
    runs = [RunDir.open(path) for path in _as_list(options["run"])]
    record = Record(runs[0])
    saved, known, val = runs[0].predictions(options["split"]), (), None
    if as_trained(runs, options) and saved.is_file() and runs[0].results.is_file():
        table, threshold = record.predictions(options["split"]), record.threshold
    else:
        predicting = importlib.import_module("medcnn.inference.runs")  # torch: seconds
        predicted = predicting.predict_split(runs, options)
        table, threshold, known = predicted.table, predicted.threshold, predicted.notes
        val = predicted.validation
    if options["threshold"] is not None:
        threshold = fixed_threshold(_as_number(options["threshold"]))
    table = _described(table, record, options["subgroups"])
    _count_look(runs[0], options["split"])
    if val is None:
        val = validation_predictions(runs, options)
    folder = _output_folder(runs, options)
    readers = readers_for(options["readers"], table, options["level"])
    table, notes = at_level(table, *_level(options))
    if notes:
        val = val if val is None else at_level(_described(val, record), *_level(options))[0]
        notes = (*notes, Notice("own_threshold"))
    background = _background(record, val, options)
    return _conclude(table, threshold, options, folder, val, (*known, *notes), readers, background)


def _background(record: Record, val: pd.DataFrame | None, options: dict[str, Any]) -> Background:
    """Return what a run tells of its data and its looks, for the verdict on its own splits."""
    paths = record.paths
    journal = record.journal if paths.environment.is_file() else None
    audit = record.audit if paths.audit.is_file() else None
    source = None if journal is None else (journal.content.get("data") or {}).get("source")
    return Background(
        source=source,
        validation=classes_of(val),
        audit=None if audit is None else audit.verdict,
        audit_findings=0 if audit is None else len(audit.findings),
        looks=journal.test_looks if journal and options["split"] == "test" else None,
    )


def _described(table: pd.DataFrame, record: Record, names: Sequence[str] = ()) -> pd.DataFrame:
    known = record.paths.manifest.is_file()
    return with_manifest(table, record.manifest.table, names) if known else table


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
    if split == "test" and run.environment.is_file():
        count_look(run)


def _output_folder(runs: Sequence[RunDir], options: dict[str, Any]) -> Path:
    """Return where the results go: one folder for each way of looking at the split."""
    if options["output"]:
        return Path(options["output"])
    parts = [str(options["split"])]
    parts += [f"{len(runs)}_runs"] if len(runs) > 1 else []
    parts += [f"{key}-{options[key]}" for key in ("vote", "tta", "mc_samples") if options[key]]
    return runs[0].path / "evaluations" / "_".join(parts)


def _conclude(
    table: pd.DataFrame,
    threshold: Threshold,
    options: dict[str, Any],
    folder: Path,
    val: pd.DataFrame | None,
    notes: Sequence[str],
    readers: pd.DataFrame | None,
    background: Background,
) -> Results:
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
    results = with_safeguards(results, guarded, subgroups=options["subgroups"])
    unit = unit_of(rows, options["level"], options["aggregate"])
    results = replace(results.warned(first=notes), unit=unit)
    if readers is not None:
        found, more = reader_results(rows, readers, threshold.value)
        results = replace(results, readers=found).warned(last=more)
    results = results.judged(background)
    write_json(folder / "results.json", to_json(results))
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
