"""The engine of a prediction: it reads, predicts and writes what is not yet in the ledger."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from medcnn.console import CONSOLE, progress_bars
from medcnn.inference.files import Reading, name_of, one_line, read_files, walk_images
from medcnn.inference.ledger import Entry, Ledger, Stamp
from medcnn.inference.quick import QuickPanel, TooFarError
from medcnn.inference.settings import Predict
from medcnn.io.identifiers import pseudonym

KEPT_AT_A_TIME = 1000
Row = tuple[dict[str, Any], bool]
"""The columns of a file, and whether they were computed exactly."""


class Engine:
    """Goes through the input, predicts what the ledger does not hold, and writes it there.

    Args:
        quick: What answers.
        ledger: Where rows go.
        options: What is asked for.
        files: How many files there are to go through, for the progress bar.
        salt: Hides the patients; None where they are not hidden.
    """

    def __init__(
        self,
        quick: QuickPanel,
        ledger: Ledger,
        options: Predict,
        files: int,
        salt: str | None,
    ) -> None:
        self.quick, self.ledger, self.options, self.files = quick, ledger, options, files
        self.salt = salt

    def run(self, thresholds: Sequence[float], *, again: bool = False) -> int:
        """Predict what is missing; return how many rows stood already.

        Args:
            thresholds: Near each of them rows are exact.
            again: Whether this process has gone through the input before, so that files that
                could not be read need no second try.
        """
        try:
            return self._once(thresholds, again)
        except TooFarError:
            self._once(thresholds, True)
            return 0

    def _once(self, thresholds: Sequence[float], again: bool) -> int:
        waiting: deque[tuple[int, str, Stamp]] = deque()
        panel = self.quick.panel
        exact = panel.predictor.members[0].settings.data.exact
        self.ledger.begin()
        with _progress(self.files) as advance:
            paths = self._pending(thresholds, again, waiting, advance)
            found = read_files(
                paths, panel.predictor.image_size, exact=exact, workers=self.options.workers
            )
            fresh = 0
            with closing(found) as readings:
                while group := list(islice(readings, self.options.inference.batch_size)):
                    entries = []
                    for row, done in self._rows(group, thresholds):
                        place, name, stamp = waiting.popleft()
                        entries.append(Entry(name, place, stamp, row, done))
                    self.ledger.extend_columns(name for entry in entries for name in entry.row)
                    self.ledger.add(entries)
                    fresh += len(entries)
                    advance(len(entries))
        return self.ledger.count() - fresh

    def _pending(
        self,
        thresholds: Sequence[float],
        again: bool,
        waiting: deque[tuple[int, str, Stamp]],
        advance: Callable[[int], None],
    ) -> Iterator[Path]:
        """Yield the files to predict, and give the others' rows their places."""
        stood: list[tuple[int, str]] = []
        share, batch_size = self.options.share, self.options.inference.batch_size
        for place, path in enumerate(walk_images(self.options.input)):
            if share is not None and not share.takes(place, batch_size):
                continue
            name, stamp = name_of(path, self.options.input), Stamp.of(path)
            if not self._stands(self.ledger.find(name, stamp), thresholds, again):
                waiting.append((place, name, stamp))
                yield path
                continue
            stood.append((place, name))
            if len(stood) == KEPT_AT_A_TIME:
                self.ledger.keep(stood)
                advance(len(stood))
                stood.clear()
        self.ledger.keep(stood)

    def _stands(
        self, found: tuple[float | None, bool] | None, thresholds: Sequence[float], again: bool
    ) -> bool:
        if found is None:
            return False
        p, exact = found
        if p is None:
            return again
        if exact:
            return True
        return self.quick.fast is not None and not self.quick.is_near(np.array([p]), thresholds)[0]

    def _rows(self, readings: Sequence[Reading], thresholds: Sequence[float]) -> Iterator[Row]:
        answers = iter(self._answers(readings, thresholds))
        for reading in readings:
            row: dict[str, Any] = {"image_id": name_of(reading.path, self.options.input)}
            if reading.facts is None:
                kind = reading.error.kind if reading.error else "unforeseen"
                yield row | {"error": one_line(str(reading.error)), "error_kind": kind}, True
                continue
            answer, exact = next(answers)
            patient = reading.facts.patient_id
            patient = patient if self.salt is None else pseudonym(patient, self.salt)
            row["patient_id"] = one_line(patient) or None
            row["warnings"] = one_line("; ".join(reading.facts.warnings)) or None
            if answer["p_abnormal"] is None:
                answer = {"error": "the network's answer is no number", "error_kind": "no_answer"}
            yield row | answer, exact

    def _answers(self, readings: Sequence[Reading], thresholds: Sequence[float]) -> list[Row]:
        facts = [reading.facts for reading in readings if reading.facts is not None]
        if not facts:
            return []
        image = _stacked([reading.pixels for reading in readings if reading.pixels is not None])
        table, exact = self.quick.answers(image, facts, thresholds)
        records = ({str(k): _plain(v) for k, v in row.items()} for row in table.to_dict("records"))
        return list(zip(records, map(bool, exact), strict=True))


def _plain(value: Any) -> Any:
    """Return a value as JSON keeps it; what is not finite is nothing."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def _progress(files: int) -> Iterator[Callable[[int], None]]:
    with progress_bars(CONSOLE) as shown:
        task = shown.add_task("predicting", total=files)
        yield lambda count: shown.advance(task, count)


def _stacked(images: Sequence[npt.NDArray[np.unsignedinteger[Any]]]) -> Tensor:
    images_NHW = np.stack(images)
    scale = np.float32(1.0 / np.iinfo(images_NHW.dtype).max)
    return torch.from_numpy(images_NHW.astype(np.float32) * scale).unsqueeze(1)
