"""The validation predictions that conformal sets, referral and prior shift are fitted on."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from medcnn.calibration.options import read_safeguards
from medcnn.record.record import Record
from medcnn.run.directory import RunDir


def validation_predictions(
    runs: Sequence[RunDir], options: Mapping[str, Any]
) -> pd.DataFrame | None:
    """Return validation predictions made as the options have it; None where nothing needs them.

    Those of a run as it was trained stand in it; with other members, views or passes validation is
    predicted in the same way as the cases, since only like compares with like.
    """
    if not read_safeguards(options).any:
        return None
    saved = runs[0].predictions("val")
    if as_trained(runs, options) and saved.is_file():
        return Record(runs[0]).predictions("val")
    predicting = importlib.import_module("medcnn.inference.runs")  # torch: seconds
    table: pd.DataFrame = predicting.predict_split(runs, {**options, "split": "val"}).table
    return table


def as_trained(runs: Sequence[RunDir], options: Mapping[str, Any]) -> bool:
    """Return whether one run is looked at as it was trained, so that what it left holds."""
    ways = ("vote", "tta", "tta_merge", "mc_samples")
    unchanged = all(options[name] is None for name in ways)
    return len(runs) == 1 and unchanged and options["mc"]["inject"] is None
