"""``medcnn evaluate compare=[A,B]``: two runs, or a run and a file of predictions or of decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from medcnn.console import warn
from medcnn.errors import ConfigError, DataError
from medcnn.evaluation.compare import compare
from medcnn.evaluation.operating_point import frozen_threshold, threshold_for
from medcnn.evaluation.readers import read_readers
from medcnn.metrics.thresholds import Threshold, fixed_threshold
from medcnn.predictions import check_predictions, read_predictions
from medcnn.reporting.comparison import write_comparison
from medcnn.reporting.summary import announce_comparison
from medcnn.run_dir import RunDir, write_json

DECISION = "decision"


def compare_two(options: dict[str, Any]) -> dict[str, Any]:
    """Compare what ``compare=`` names and return the differences, first minus second.

    Raises:
        ConfigError: If not two things are named, or the margin is not positive.
        DataError: If they speak of different cases.
    """
    named = options["compare"]
    pair = [str(path) for path in named] if isinstance(named, list) else [str(named)]
    if len(pair) != 2:
        raise ConfigError(
            "compare takes two.",
            expected="compare=[RUN_A,RUN_B] or compare=[RUN,FILE.csv]",
            found=f"{len(pair)}: {', '.join(pair)}",
        )
    margin = options["margin"]
    if margin is not None and not 0 < float(margin) < 1:
        raise ConfigError("margin must lie within (0, 1).", found=str(margin), remedy="margin=0.05")
    split = options["split"]
    first, at_first = _side(Path(pair[0]), split, None)
    second, at_second = _side(Path(pair[1]), split, first)
    found = compare(
        first,
        second,
        at_first,
        at_second,
        names=(_name(pair[0]), _name(pair[1])),
        split=split,
        margin=None if margin is None else float(margin),
        readers=None if options["readers"] is None else read_readers(options["readers"]),
        seed=options["seed"],
    )
    folder = Path(options["output"] or _folder(Path(pair[0]), _name(pair[1])))
    write_json(folder / "comparison.json", found)
    page = folder / "comparison.html"
    write_comparison(found, first, second, page, language=options["language"])
    announce_comparison(found, page)
    return found


def _side(path: Path, split: str, other: pd.DataFrame | None) -> tuple[pd.DataFrame, Threshold]:
    """Return the predictions and the operating point of a run, or of a file."""
    if path.is_dir():
        run = RunDir.open(path)
        return read_predictions(run.predictions(split)), frozen_threshold(run)
    if not path.is_file():
        raise DataError(
            f"There is nothing to compare at {path}.",
            expected="a run directory, or a CSV file of predictions or of decisions",
        )
    header = pd.read_csv(path, nrows=0).columns
    if DECISION in header and "p_abnormal" not in header:
        return _decided(path, other, split), fixed_threshold(0.5)
    table = read_predictions(path)
    threshold, notes = threshold_for(table, None)
    for text in notes:
        warn(f"{path}: {text}")
    return table, threshold


def _decided(path: Path, other: pd.DataFrame | None, split: str) -> pd.DataFrame:
    """Return a reader's decisions as predictions of 0 and 1; labels are those of the other side."""
    table = pd.read_csv(path, dtype={"image_id": str})
    table["p_abnormal"] = table[DECISION]
    if "label" not in table:
        if other is None or "image_id" not in table:
            raise DataError(
                f"{path} has decisions but neither labels nor a run to take them from.",
                expected="image_id and decision, second to a run or to labelled predictions",
                remedy="name the run first: compare=[RUN,FILE.csv]",
            )
        known = other.set_index("image_id")
        table["label"] = table["image_id"].map(known["label"])
        table["patient_id"] = table["image_id"].map(known["patient_id"])
    return check_predictions(table.assign(split=split), source=str(path))


def _name(path: str) -> str:
    found = Path(path)
    return found.stem if found.suffix == ".csv" else found.resolve().name


def _folder(path: Path, against: str) -> Path:
    base = path if path.is_dir() else path.parent
    return base / "evaluations" / f"against_{against}"
