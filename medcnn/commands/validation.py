"""The validation predictions that conformal sets, referral and prior shift are fitted on."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from medcnn.calibration.options import read_safeguards
from medcnn.predictions import read_predictions
from medcnn.run_dir import RunDir


def validation_predictions(
    runs: Sequence[RunDir], options: Mapping[str, Any]
) -> pd.DataFrame | None:
    """Return validation predictions made as the options have it; None where nothing needs them.

    A single model's stand in its run; with several members, views or stochastic passes validation
    is predicted in the same way as the cases, since only like compares with like.
    """
    if not read_safeguards(options).any:
        return None
    plainly = len(runs) == 1 and options["tta"] == "none" and not options["mc_samples"]
    saved = runs[0].predictions("val")
    if plainly and saved.is_file():
        return read_predictions(saved)
    predicting = importlib.import_module("medcnn.inference.runs")  # torch: seconds
    table: pd.DataFrame = predicting.predict_split(runs, {**options, "split": "val"})[0]
    return table
