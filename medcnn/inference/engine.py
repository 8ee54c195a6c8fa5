"""The engine of a prediction: it reads, predicts and writes what is not yet in the ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import numpy as np

from medcnn.console import CONSOLE, progress_bars
from medcnn.inference.files import name_of, read_files, walk_images
from medcnn.inference.ledger import Entry, Ledger, Stamp
from medcnn.inference.quick import QuickPanel, TooFarError
from medcnn.inference.rows import rows_of
from medcnn.inference.settings import Predict

KEPT_AT_A_TIME = 1000


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
                    names = [name_of(reading.path, self.options.input) for reading in group]
                    for row, done in rows_of(group, names, self.quick, thresholds, self.salt):
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


@contextmanager
def _progress(files: int) -> Iterator[Callable[[int], None]]:
    with progress_bars(CONSOLE) as shown:
        task = shown.add_task("predicting", total=files)
        yield lambda count: shown.advance(task, count)
