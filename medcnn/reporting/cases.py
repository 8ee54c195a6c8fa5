"""The cases a reader wants to see: the most wrong, the most unsure, and the table of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.predictions import UNCERTAINTY
from medcnn.reporting.contents import Contents
from medcnn.reporting.thumbnails import LARGE, SMALL, Thumbnails

MAX_ROWS = 2000
MAX_THUMBNAILS = 300
GALLERY = 12


@dataclass(frozen=True)
class Case:
    """One case as the page shows it.

    Attributes:
        image_id: The image.
        patient_id: Its patient.
        label: 0 normal, 1 abnormal.
        score: The probability of being abnormal.
        outcome: ``tp``, ``fp``, ``tn`` or ``fn``.
        doubt: The measure of doubt, larger is more, or None.
        thumbnail: A data URI, or None.
    """

    image_id: str
    patient_id: str
    label: int
    score: float
    outcome: str
    doubt: float | None
    thumbnail: str | None


@dataclass(frozen=True)
class CaseLists:
    """What the report shows of the cases, and how much it leaves out.

    Attributes:
        rows: The case table, errors first, worst first.
        total: How many cases there are.
        pictured: How many rows have a thumbnail.
        wrong: The worst errors.
        unsure: The most doubtful cases.
        doubt: The name of the measure of doubt: a column, or ``distance`` to the threshold.
    """

    rows: tuple[Case, ...]
    total: int
    pictured: int
    wrong: tuple[Case, ...]
    unsure: tuple[Case, ...]
    doubt: str


def doubt_measure(cases: pd.DataFrame) -> str | None:
    """Return the column that says best how doubtful a case is, or None."""
    preferred = ("mutual_information", *UNCERTAINTY)
    return next((name for name in preferred if name in cases and cases[name].notna().all()), None)


def wrong_decisions(contents: Contents) -> npt.NDArray[np.bool_]:
    """Return which decisions at the threshold disagree with the reference label."""
    wrong: npt.NDArray[np.bool_] = (contents.score_N >= contents.threshold) != (
        contents.label_N == 1
    )
    return wrong


def list_cases(contents: Contents, thumbnails: Thumbnails) -> CaseLists:
    """Choose the cases to show and make their thumbnails."""
    error = np.abs(contents.score_N - contents.label_N)
    wrong = wrong_decisions(contents)
    column = doubt_measure(contents.cases)
    doubt = -np.abs(contents.score_N - contents.threshold)
    if column:
        doubt = contents.cases[column].to_numpy(dtype=np.float64)
    order = np.lexsort((-error, ~wrong))
    shown = order[:MAX_ROWS]
    worst = order[: min(GALLERY, int(wrong.sum()))]
    unsure = np.argsort(-doubt, kind="stable")[:GALLERY]
    needed = np.unique(np.concatenate([shown[:MAX_THUMBNAILS], worst, unsure]))
    paths = _paths(contents, needed)

    def case(row: int, size: int) -> Case:
        record = contents.cases.iloc[row]
        label, score = int(record["label"]), float(record["p_abnormal"])
        called, path = score >= contents.threshold, paths.get(str(record["image_id"]))
        return Case(
            image_id=str(record["image_id"]),
            patient_id=str(record["patient_id"]),
            label=label,
            score=score,
            outcome=("t" if called == bool(label) else "f") + ("p" if called else "n"),
            doubt=float(doubt[row]) if column else None,
            thumbnail=thumbnails.data_uri(path, size) if size else None,
        )

    pictured = set(shown[:MAX_THUMBNAILS].tolist())
    rows = tuple(case(row, SMALL if row in pictured else 0) for row in shown.tolist())
    return CaseLists(
        rows=rows,
        total=len(error),
        pictured=sum(each.thumbnail is not None for each in rows),
        wrong=tuple(case(row, LARGE) for row in worst.tolist()),
        unsure=tuple(case(row, LARGE) for row in unsure.tolist()),
        doubt=column or "distance",
    )


def _paths(contents: Contents, rows: npt.NDArray[np.int64]) -> dict[str, str]:
    """Return where the images of the rows are, by image_id."""
    if contents.manifest is None or "path" not in contents.manifest:
        return {}
    wanted = contents.cases["image_id"].iloc[rows]
    table = contents.manifest[contents.manifest["image_id"].isin(wanted)]
    return dict(zip(table["image_id"], table["path"].fillna(""), strict=True))
