"""``medcnn predict``: a file or a folder through trained runs, into a CSV file."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.calibration.detector import FLAG, REASONS
from medcnn.calibration.options import read_safeguards
from medcnn.commands.validation import validation_predictions
from medcnn.config import plain
from medcnn.console import say, warn
from medcnn.evaluation.safeguards import guard_files
from medcnn.predictions import write_predictions
from medcnn.run_dir import RunDir
from medcnn.settings import check_path


def run(cfg: DictConfig) -> Any:
    """Predict what the configuration names, write the table, and return it."""
    options = plain(cfg)
    given = options["run"]
    runs = [RunDir.open(path) for path in ([given] if isinstance(given, str) else given)]
    check_path(Path(options["input"]), "input")
    asked = read_safeguards(options)
    predicting = importlib.import_module("medcnn.inference.folder")  # torch: seconds
    table, notes = predicting.predict_files(runs, options)
    val = validation_predictions(runs, options)
    table, warnings = guard_files(val, table, asked, seed=options["seed"])
    for text in (*notes, *warnings):
        warn(text)
    write_predictions(table, Path(options["output"]))
    unread = int(table["error"].notna().sum())
    abnormal = int((table["decision"] == "abnormal").sum())
    say(
        f"{len(table)} files: {abnormal} abnormal, {len(table) - abnormal - unread} normal, "
        f"{unread} not readable"
    )
    foreign = int((table[FLAG] == 1).sum()) if FLAG in table else 0
    if foreign:
        warn(f"{foreign} files are unlike the training images; {REASONS} says why")
    say(f"predictions  {options['output']}")
    return table
