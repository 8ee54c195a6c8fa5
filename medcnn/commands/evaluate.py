"""``medcnn evaluate``: results and a report from a run, several runs, or bare predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig

from medcnn.commands.comparison import compare_named
from medcnn.commands.external import of_elsewhere
from medcnn.commands.measuring import measured, way_of_looking, write_evaluation
from medcnn.commands.settings import Evaluate
from medcnn.commands.validation import as_trained, validation_predictions
from medcnn.console import warn
from medcnn.data.patients import without_placeholders
from medcnn.errors import ConfigError
from medcnn.evaluation.columns import AUTO, BY_DEFAULT, columns_asked, with_manifest
from medcnn.evaluation.compare import Comparison
from medcnn.evaluation.operating_point import given_threshold, threshold_for
from medcnn.evaluation.patients import at_level
from medcnn.evaluation.readers import readers_for
from medcnn.evaluation.results import Results
from medcnn.evaluation.verdict import Background, classes_of, trials_of
from medcnn.inference.device import check_device
from medcnn.metrics.thresholds import Threshold
from medcnn.notices import Notice
from medcnn.predictions import read_predictions
from medcnn.record.record import Record
from medcnn.run.directory import RunDir
from medcnn.run.journal import count_look
from medcnn.settings.composition import plain
from medcnn.settings.reading import read


def run(cfg: DictConfig) -> Results | list[Comparison]:
    """Evaluate what the configuration names and return the results, or the comparisons."""
    asked = read(Evaluate, _own_images(plain(cfg)))
    check_device(asked.inference.device)
    given = [name for name in ("run", "predictions", "compare") if getattr(asked, name)]
    if len(given) != 1:
        raise ConfigError(
            "evaluate needs one thing to evaluate.",
            expected="run=RUN_DIR, run=[RUN_A,RUN_B], predictions=FILE.csv or compare=[RUN_A,RUN_B]",
            found=", ".join(given) or "nothing",
        )
    if asked.data is not None:
        return of_elsewhere(asked, asked.data)
    if asked.compare:
        return compare_named(asked)
    if asked.predictions is not None:
        return _of_predictions(asked, asked.predictions)
    return _of_runs(asked)


def _own_images(given: dict[str, object]) -> dict[str, object]:
    """Return the values with ``moved`` for a ``data.root`` that no ``data=`` stands beside."""
    data = given["data"]
    if not isinstance(data, dict) or "source" in data:
        return given
    return {**given, "data": None, "moved": data["root"] or given["moved"]}


def _of_predictions(asked: Evaluate, path: Path) -> Results:
    images = read_predictions(path, asdict(asked.columns))
    images, doubts = without_placeholders(images, path.name, shared=True)
    asked = replace(asked, subgroups=tuple(columns_asked(asked.subgroups, images)))
    table, notes = at_level(images, *_level(asked))
    threshold, more = threshold_for(table, asked.threshold, images)
    for text in more:
        warn(text)
    folder = asked.output or path.with_suffix("").with_name(f"{path.stem}_evaluation")
    val = table[table["split"] == "val"]
    readers = readers_for(asked.readers, images, asked.level)
    background = Background(validation=classes_of(val))
    notes = (*doubts, *notes, *more)
    return _conclude(table, threshold, asked, folder, val, notes, readers, background)


def _level(asked: Evaluate) -> tuple[str, str, tuple[str, ...]]:
    return asked.level, asked.aggregate, asked.subgroups


def _of_runs(asked: Evaluate) -> Results:
    runs = [RunDir.open(path, asked.moved) for path in asked.run]
    record = Record(runs[0])
    saved, val = runs[0].predictions(asked.of), None
    known: tuple[str | Notice, ...] = ()
    if as_trained(runs, asked) and saved.is_file() and runs[0].results.is_file():
        table, threshold = record.predictions(asked.of), record.threshold
    else:
        from medcnn.inference.runs import predict_split  # torch: seconds

        predicted = predict_split(runs, asked.of, asked.inference)
        table, threshold, known = predicted.table, predicted.threshold, predicted.notes
        val = predicted.validation
    if asked.threshold is not None:
        threshold = given_threshold(asked.threshold)
    by_default = BY_DEFAULT if AUTO in asked.subgroups else ()
    table = _described(table, record, (*asked.subgroups, *by_default))
    asked = replace(asked, subgroups=tuple(columns_asked(asked.subgroups, table)))
    _count_look(runs[0], asked.of)
    if val is None:
        val = validation_predictions(runs, asked)
    folder = _output_folder(runs, asked)
    readers = readers_for(asked.readers, table, asked.level)
    table, notes = at_level(table, *_level(asked))
    if notes:
        val = val if val is None else at_level(_described(val, record), *_level(asked))[0]
        notes = (*notes, Notice("own_threshold"))
    background = _background(record, val, asked)
    return _conclude(table, threshold, asked, folder, val, (*known, *notes), readers, background)


def _background(record: Record, val: pd.DataFrame | None, asked: Evaluate) -> Background:
    """Return what a run tells of its data and its looks, for the verdict on its own splits."""
    paths = record.paths
    journal = record.journal if paths.environment.is_file() else None
    audit = record.audit if paths.audit.is_file() else None
    source = None if journal is None else (journal.content.get("data") or {}).get("source")
    if val is None and paths.predictions("val").is_file():
        val = record.predictions("val")
    return Background(
        source=source,
        validation=classes_of(val),
        audit=None if audit is None else audit.verdict,
        audit_findings=0 if audit is None else len(audit.findings),
        looks=journal.test_looks if journal and asked.of == "test" else None,
        trial=trials_of(() if journal is None else journal.warnings),
    )


def _described(table: pd.DataFrame, record: Record, names: Sequence[str] = ()) -> pd.DataFrame:
    known = record.paths.manifest.is_file()
    return with_manifest(table, record.manifest.table, names) if known else table


def _count_look(run: RunDir, split: str) -> None:
    if split == "test" and run.environment.is_file():
        count_look(run)


def _output_folder(runs: Sequence[RunDir], asked: Evaluate) -> Path:
    """Return where the results go: one folder for each way of looking at the split."""
    if asked.output:
        return asked.output
    parts = [asked.of, *way_of_looking(asked)]
    return runs[0].path / "evaluations" / "_".join(parts)


def _conclude(
    table: pd.DataFrame,
    threshold: Threshold,
    asked: Evaluate,
    folder: Path,
    val: pd.DataFrame | None,
    notes: Sequence[str],
    readers: pd.DataFrame | None,
    background: Background,
) -> Results:
    rows, results = measured(table, threshold, asked, val, notes, readers)
    results = results.judged(background)
    write_evaluation(rows, results, asked, folder)
    return results
