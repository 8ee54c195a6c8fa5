"""A trained run on labelled images of elsewhere at its frozen judgement, and what it showed at home."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from medcnn.adaptation.answers import Answers, answers_of
from medcnn.adaptation.images import Elsewhere
from medcnn.errors import UserError
from medcnn.inference.runs import assemble, predict_split
from medcnn.inference.settings import Inference
from medcnn.metrics.thresholds import Threshold
from medcnn.notices import Notice
from medcnn.record.record import Record
from medcnn.run.directory import RunDir


@dataclass(frozen=True)
class Abroad:
    """What runs say of images of elsewhere.

    Attributes:
        answers: Their predictions.
        threshold: The frozen operating point.
        notes: What a reader has to know of how they were made.
        validation: Of home, made like these; None where the run keeps none.
    """

    answers: Answers
    threshold: Threshold
    notes: tuple[str, ...]
    validation: pd.DataFrame | None


@dataclass(frozen=True)
class HomeCases:
    """The predictions of a run's own test, and how they were decided.

    Attributes:
        table: The predictions.
        threshold: Where they are decided.
        split: What their split is called.
        looked: Whether the images were predicted just now.
    """

    table: pd.DataFrame
    threshold: Threshold
    split: str
    looked: bool


def predict_elsewhere(
    runs: Sequence[RunDir], images: Elsewhere, how: Inference, split: str
) -> Abroad:
    """Return what runs, as one, say of images.

    Args:
        runs: One run, or several as an ensemble.
        images: What they were not trained on.
        how: The images go through them.
        split: What their split is called.
    """
    panel = assemble(runs, how)
    answers = answers_of(panel, runs[0], images, split=split, batch_size=how.batch_size)
    val = panel.validation
    saved = runs[0].predictions("val")
    if val is None and saved.is_file() and len(runs) == 1 and how.views.as_trained:
        val = Record(runs[0]).predictions("val")
    return Abroad(answers, panel.threshold, panel.notes, val)


def home_cases(runs: Sequence[RunDir], how: Inference) -> tuple[HomeCases | None, list[Notice]]:
    """Return the test cases of home, predicted in the same way; None, and why, where that fails.

    A run as it was trained left them. Others are predicted now, which is one more look at the test.
    """
    record = Record(runs[0])
    if len(runs) == 1 and how.views.as_trained and runs[0].results.is_file():
        results = record.results
        if runs[0].predictions(results.split).is_file():
            table = record.predictions(results.split)
            rows = table[table["split"] == results.split]
            return HomeCases(rows, results.threshold, results.split, False), []
    try:
        found = predict_split(runs, "test", how)
    except (UserError, OSError) as error:
        why = error.problem if isinstance(error, UserError) else str(error)
        return None, [Notice("home_unknown", why=why.rstrip("."))]
    return HomeCases(found.table, found.threshold, "test", True), []
