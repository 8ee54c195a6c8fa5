"""A trained run in memory: readings in, the rows of ``medcnn predict`` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from medcnn.inference.files import Reading
from medcnn.inference.folder import Apparatus
from medcnn.inference.quick import TooFarError
from medcnn.inference.rows import rows_of
from medcnn.inference.table import decided

IMAGE = "image"
"""What every row calls its image: a service knows no name of it."""


class Judging:
    """Answers batches of readings; one thread calls it.

    Args:
        how: All that a prediction is made with.
    """

    def __init__(self, how: Apparatus) -> None:
        self.how = how
        self._band = how.decision.band()
        members = how.panel.predictor.members
        self.model: Mapping[str, object] = {
            "checkpoints": [member.sha256 for member in members],
            "threshold_rule": how.panel.threshold.rule,
            "threshold_chosen_on": how.panel.threshold.chosen_on,
        }

    def __call__(self, readings: Sequence[Reading]) -> list[dict[str, object]]:
        """Return the row of each reading, with the hashes of the checkpoints."""
        try:
            rows = self._rows(readings)
        except TooFarError:
            rows = self._rows(readings)  # everything is exact from now on
        return [{**row, **self.model} for row in decided(rows, self.how.decision, self._band)]

    def _rows(self, readings: Sequence[Reading]) -> list[dict[str, object]]:
        how = self.how
        # Where the file lies is nobody's business but the service's.
        names = [IMAGE] * len(readings)
        found = rows_of(readings, names, how.quick, how.decision.thresholds, how.salt)
        return [
            _without_place(row, reading) for (row, _), reading in zip(found, readings, strict=True)
        ]


def _without_place(row: dict[str, object], reading: Reading) -> dict[str, object]:
    if "error" in row:
        row["error"] = str(row["error"]).replace(str(reading.path), IMAGE)
    return row
