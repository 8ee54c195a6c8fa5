"""The word on shift in a table of predictions: ``medcnn predict shift=true``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from medcnn.adaptation.settings import ShiftAsked
from medcnn.adaptation.shift import Looked, look_for_shift
from medcnn.errors import DataError
from medcnn.inference.decision import Decision
from medcnn.inference.folder import Results
from medcnn.inference.runs import Panel
from medcnn.inference.settings import Predict
from medcnn.inference.table import SHIFT, Beside
from medcnn.notices import Notice
from medcnn.run.directory import RunDir


@dataclass
class ShiftColumn:
    """Adds to every row whether its folder is from the population of home.

    Attributes:
        inner: What else is made of the rows.
        verdict: ``same``, ``prevalence``, ``shifted`` or ``unknown``.
        warnings: What a reader has to know.
        looked: What was looked at; None where that could not be.
        asked: How.
    """

    inner: Beside | None
    verdict: str
    warnings: tuple[str, ...]
    looked: Looked | None
    asked: ShiftAsked
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = (*(self.inner.columns if self.inner is not None else ()), SHIFT)

    def add(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with the word on shift."""
        found = rows if self.inner is None else self.inner.add(rows)
        return found.assign(**{SHIFT: self.verdict})


class ShiftBeside:
    """Looks for a shift once everything is predicted, with the models that are loaded.

    Args:
        run: The run.
        options: Of the prediction.
        results: Makes what else goes beside the table.

    Attributes:
        found: What came of it, once it was made.
    """

    def __init__(self, run: RunDir, options: Predict, results: Results | None) -> None:
        self.run, self.options, self.results = run, options, results
        self.found: ShiftColumn | None = None

    def __call__(
        self, panel: Panel, identity: Mapping[str, object], decision: Decision
    ) -> ShiftColumn:
        """Return the column."""
        inner = None if self.results is None else self.results(panel, identity, decision)
        how, output = self.options.inference, self.options.output
        asked = ShiftAsked(
            run=self.run.path,
            input=self.options.input,
            output=Path(f"{output}.shift"),
            batch_size=how.batch_size,
            device=how.device,
            seed=how.seed,
        )
        try:
            looked = look_for_shift(self.run, asked, panel)
        except DataError as error:
            told = Notice("shift_not_told", why=error.problem.rstrip("."))
            self.found = ShiftColumn(inner, "unknown", (told,), None, asked)
        else:
            result = looked.shift.results
            warnings = result.sentences[:1] if result.verdict != "same" else ()
            self.found = ShiftColumn(inner, result.verdict, warnings, looked, asked)
        return self.found
