"""The validation predictions that conformal sets, referral and prior shift are fitted on."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from medcnn.commands.settings import Evaluate
from medcnn.record.record import Record
from medcnn.run.directory import RunDir


def validation_predictions(runs: Sequence[RunDir], asked: Evaluate) -> pd.DataFrame | None:
    """Return validation predictions made in the same way; None where nothing needs them.

    Those of a run as it was trained stand in it; with other members, views or passes validation is
    predicted in the same way as the cases, since only like compares with like.
    """
    if not asked.safeguards.any:
        return None
    saved = runs[0].predictions("val")
    if as_trained(runs, asked) and saved.is_file():
        return Record(runs[0]).predictions("val")
    from medcnn.inference.runs import predict_split  # torch: seconds

    table: pd.DataFrame = predict_split(runs, "val", asked.inference).table
    return table


def as_trained(runs: Sequence[RunDir], asked: Evaluate) -> bool:
    """Return whether one run is looked at as it was trained, so that what it left holds."""
    return len(runs) == 1 and asked.inference.views.as_trained
