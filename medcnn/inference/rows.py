"""The row of each image that was read: the network's answer, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from medcnn.data.batch import unit_images
from medcnn.inference.files import Reading, one_line
from medcnn.inference.quick import QuickPanel
from medcnn.io.identifiers import pseudonym

Row = tuple[dict[str, Any], bool]
"""The columns of a file, and whether they were computed exactly."""


def rows_of(
    readings: Sequence[Reading],
    names: Sequence[str],
    quick: QuickPanel,
    thresholds: Sequence[float],
    salt: str | None,
) -> Iterator[Row]:
    """Yield the row of each reading, before anything is decided.

    Args:
        readings: What became of each file.
        names: What the rows call them.
        quick: What answers.
        thresholds: Near each of them an answer is exact.
        salt: Hides the patients; None where they are not hidden.

    Raises:
        TooFarError: If a quick answer was too far off.
    """
    answers = iter(_answers(readings, quick, thresholds))
    for reading, name in zip(readings, names, strict=True):
        row: dict[str, Any] = {"image_id": name}
        if reading.facts is None:
            kind = reading.error.kind if reading.error else "unforeseen"
            yield row | {"error": one_line(str(reading.error)), "error_kind": kind}, True
            continue
        answer, exact = next(answers)
        patient = reading.facts.patient_id
        patient = patient if salt is None else pseudonym(patient, salt)
        row["patient_id"] = one_line(patient) or None
        row["warnings"] = one_line("; ".join(reading.facts.warnings)) or None
        if answer["p_abnormal"] is None:
            answer = {"error": "the network's answer is no number", "error_kind": "no_answer"}
        yield row | answer, exact


def _answers(
    readings: Sequence[Reading], quick: QuickPanel, thresholds: Sequence[float]
) -> list[Row]:
    facts = [reading.facts for reading in readings if reading.facts is not None]
    if not facts:
        return []
    image = unit_images(np.stack([each.pixels for each in readings if each.pixels is not None]))
    table, exact = quick.answers(image, facts, thresholds)
    records = ({str(k): _plain(v) for k, v in row.items()} for row in table.to_dict("records"))
    return list(zip(records, map(bool, exact), strict=True))


def _plain(value: Any) -> Any:
    """Return a value as JSON keeps it; what is not finite is nothing."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
