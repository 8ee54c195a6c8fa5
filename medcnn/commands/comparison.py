"""``medcnn evaluate compare=[A,B]``: runs, files of predictions, or a reader's decisions."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd

from medcnn.commands.settings import Evaluate
from medcnn.console import warn
from medcnn.errors import ConfigError, DataError
from medcnn.evaluation.columns import with_manifest
from medcnn.evaluation.compare import Comparison, compare, correct_together
from medcnn.evaluation.operating_point import threshold_for
from medcnn.evaluation.patients import at_level
from medcnn.evaluation.readers import readers_for
from medcnn.files.records import to_json
from medcnn.files.tables import read_csv
from medcnn.metrics.thresholds import Threshold, fixed_threshold
from medcnn.predictions import check_predictions, read_predictions
from medcnn.record.record import Record
from medcnn.reporting.comparison import write_comparison
from medcnn.reporting.summary import announce_comparison
from medcnn.run.directory import write_json

DECISION = "decision"


@dataclass(frozen=True)
class Side:
    """One of the things compared.

    Attributes:
        name: What to call it.
        images: Its predictions, one row an image.
        table: The same, one row an image, study or patient as asked.
        threshold: Its operating point.
        notes: What the user has to know.
    """

    name: str
    images: pd.DataFrame
    table: pd.DataFrame
    threshold: Threshold
    notes: tuple[str, ...] = ()


def compare_named(asked: Evaluate) -> list[Comparison]:
    """Compare the first of what ``compare=`` names with each of the others, first minus other.

    Returns:
        The comparisons; where there are several, their p-values are corrected over all of them.

    Raises:
        ConfigError: If fewer than two things are named.
        DataError: If they speak of different cases.
    """
    paths = asked.compare
    if len(paths) < 2:
        raise ConfigError(
            "compare takes two or more.",
            expected="compare=[RUN_A,RUN_B] or compare=[RUN,FILE.csv]",
            found=f"{len(paths)}: {', '.join(paths)}",
        )
    first = _side(Path(paths[0]), asked, None)
    others = [_side(Path(path), asked, first.images) for path in paths[1:]]
    found = [_compared(first, other, asked) for other in others]
    if len(found) > 1:
        found = correct_together(found)
    for other, comparison in zip(others, found, strict=True):
        _write(comparison, first, other, _folder(paths[0], other, asked, len(found)), asked)
    return found


def _compared(first: Side, second: Side, asked: Evaluate) -> Comparison:
    found = compare(
        first.table,
        second.table,
        first.threshold,
        second.threshold,
        names=(first.name, second.name),
        split=asked.of,
        margin=asked.margin,
        readers=readers_for(asked.readers, first.images, asked.level),
        seed=asked.inference.seed,
    )
    warnings = dict.fromkeys((*first.notes, *second.notes, *found.warnings))
    return replace(found, unit=asked.level, warnings=tuple(warnings))


def _write(found: Comparison, first: Side, second: Side, folder: Path, asked: Evaluate) -> None:
    write_json(folder / "comparison.json", to_json(found))
    page = folder / "comparison.html"
    write_comparison(found, first.table, second.table, page, language=asked.language)
    announce_comparison(found, page)


def _side(path: Path, asked: Evaluate, other: pd.DataFrame | None) -> Side:
    """Return the predictions and the operating point of a run, or of a file."""
    split, level, way = asked.of, asked.level, asked.aggregate
    if path.is_dir():
        run = Record(path)
        images = run.predictions(split)
        if run.paths.manifest.is_file():
            images = with_manifest(images, run.manifest.table)
        table, notes = at_level(images, level, way)
        return Side(path.resolve().name, images, table, run.threshold, notes)
    if not path.is_file():
        raise DataError(
            f"There is nothing to compare at {path}.",
            expected="a run directory, or a CSV file of predictions or of decisions",
        )
    if _holds_decisions(path, asked.columns.p_abnormal or "p_abnormal"):
        # A reader calls a patient abnormal who has one abnormal image, whatever models do.
        images = _decided(path, other, split)
        return Side(path.stem, images, at_level(images, level, "max")[0], fixed_threshold(0.5))
    images = read_predictions(path, asdict(asked.columns))
    table, notes = at_level(images, level, way)
    threshold, more = threshold_for(table, None, images)
    for text in more:
        warn(f"{path}: {text}")
    return Side(path.stem, images, table, threshold, (*notes, *more))


def _holds_decisions(path: Path, probability: str) -> bool:
    """Say whether a file is a reader's decisions rather than a model's probabilities."""
    if path.suffix == ".parquet":
        return False
    header = read_csv(path).columns
    return DECISION in header and probability not in header


def _decided(path: Path, other: pd.DataFrame | None, split: str) -> pd.DataFrame:
    """Return a reader's decisions as predictions of 0 and 1; labels are those of the other side."""
    table = read_csv(path, text=("image_id", "patient_id", "study_id"))
    table["p_abnormal"] = table[DECISION]
    if "label" not in table:
        if other is None or "image_id" not in table:
            raise DataError(
                f"{path} has decisions but neither labels nor a run to take them from.",
                expected="image_id and decision, second to a run or to labelled predictions",
                remedy="name the run first: compare=[RUN,FILE.csv]",
            )
        known = other.set_index("image_id")
        unknown = table.loc[~table["image_id"].isin(known.index), "image_id"]
        if len(unknown):
            raise DataError(
                f"{path} decides on {len(unknown)} images that the first does not know.",
                expected="image_id values as in the predictions compared with",
                found=repr(unknown.iloc[0]),
                remedy="leave them out, or give label and patient_id in the file",
            )
        for name in ("label", "patient_id", "study_id"):
            if name in known:
                table[name] = table["image_id"].map(known[name])
    return check_predictions(table.assign(split=split), source=str(path))


def _folder(first: str, other: Side, asked: Evaluate, several: int) -> Path:
    name = f"against_{other.name}"
    if asked.output:
        return asked.output / (name if several > 1 else "")
    base = Path(first) if Path(first).is_dir() else Path(first).parent
    return base / "evaluations" / name
