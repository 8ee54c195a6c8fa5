"""Human readers on the same cases: their operating points, and the model against each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from medcnn.errors import DataError
from medcnn.evaluation.cases import Cases, cases_of
from medcnn.evaluation.patients import UNITS
from medcnn.files.sheets import read_sheet
from medcnn.metrics.agreement import kappa
from medcnn.metrics.comparison import McNemar, holm_together, mcnemar, paired_difference
from medcnn.metrics.estimate import Estimate, IntArray
from medcnn.metrics.proportions import subset
from medcnn.notices import Notice

LONG = ("reader", "decision")
SHARES = ("sensitivity", "specificity", "accuracy")


def read_readers(path: str | Path) -> pd.DataFrame:
    """Return readers' decisions: ``image_id`` as index, a column a reader, 0, 1 or NaN (not read).

    The file has ``image_id`` and a column for each reader, or the columns ``image_id, reader,
    decision`` with a row for each decision.

    Raises:
        DataError: If the file is missing or has no such columns, a reader decides twice on an
            image, or a decision is not 0 or 1.
    """
    path = Path(path)
    expected = "image_id and a column of 0 and 1 for each reader, or image_id, reader, decision"
    sheet = read_sheet(path, what="readers file", expected=expected)
    table = sheet.typed(identifiers=["image_id", "reader"]).reset_index(drop=True)
    if "image_id" not in table or len(table.columns) < 2:
        found = ", ".join(map(str, table.columns))
        raise DataError(f"{path} is not a file of readers.", expected=expected, found=found)
    long = set(LONG) <= set(table.columns)
    repeated = table.duplicated(["image_id", "reader"] if long else ["image_id"])
    if repeated.any():
        raise DataError(
            f"{path} has {int(repeated.sum())} repeated decisions.",
            expected="one decision of each reader on each image",
            found=str(table.loc[repeated, "image_id"].iloc[0]),
            remedy="keep one, or give repeated readings as another reader",
        )
    if long:
        wide = table.pivot_table("decision", index="image_id", columns="reader", aggfunc="first")
        return _checked(wide, path)
    return _checked(table.set_index("image_id"), path)


def _checked(wide: pd.DataFrame, path: Path) -> pd.DataFrame:
    decisions = pd.DataFrame(wide.apply(pd.to_numeric, errors="coerce"))
    wrong = (decisions.isna() & wide.notna()) | ~(decisions.isna() | decisions.isin([0, 1]))
    if wrong.to_numpy().any():
        row, column = np.argwhere(wrong.to_numpy())[0]
        raise DataError(
            f"{path} has {int(wrong.to_numpy().sum())} decisions that are not 0 or 1.",
            expected="0 (normal), 1 (abnormal), or empty where an image was not read",
            found=f"{str(wide.iloc[row, column])!r} of {wide.columns[column]} on {wide.index[row]}",
            remedy="map the decisions to 0 and 1",
        )
    return decisions.astype(np.float64)


def readers_for(path: str | Path | None, images: pd.DataFrame, level: str) -> pd.DataFrame | None:
    """Return the decisions of a readers file by ``image``, ``study`` or ``patient``; None without.

    A reader calls a patient abnormal who has one image called abnormal, and normal who has all
    images called normal; with images unread it is not known which.

    Args:
        path: What ``read_readers`` reads.
        images: Predictions, one row an image, that say which study and patient an image belongs to.
        level: The unit. A file that names the units themselves is taken as it is.
    """
    if path is None:
        return None
    readers = read_readers(path)
    known = images.set_index(images["image_id"].astype(str))
    if level == "image" or not readers.index.isin(known.index).any():
        return readers
    unit = known[UNITS[level]].astype(str)
    groups = readers.groupby(unit.reindex(readers.index))
    highest = groups.max()
    sizes = unit.value_counts().reindex(highest.index)
    return highest.where(groups.count().eq(sizes, axis=0) | (highest == 1))


@dataclass(frozen=True, kw_only=True)
class ReaderResults:
    """A human reader on the same cases.

    Attributes:
        name: Which one.
        n: The cases that the reader read.
        sensitivity: The reader's.
        specificity: The reader's.
        kappa: Cohen's, of the model and the reader.
        model_minus_reader: Differences of sensitivity, specificity and accuracy.
        mcnemar: Their tests.
        p_holm: Their p-values after Holm's correction over all readers.
    """

    name: str
    n: int
    sensitivity: Estimate
    specificity: Estimate
    kappa: Estimate
    model_minus_reader: dict[str, Estimate]
    mcnemar: dict[str, McNemar]
    p_holm: dict[str, float | None]


def reader_results(
    rows: pd.DataFrame, readers: pd.DataFrame, threshold: float, level: float = 0.95
) -> tuple[tuple[ReaderResults, ...], list[Notice]]:
    """Return each reader's operating point and the model's difference from it, and warnings.

    Each reader is compared on the cases that reader read; the p-values of sensitivity and
    specificity are corrected together over all readers (Holm).

    Raises:
        DataError: If no case of the rows was read by anybody.
    """
    decided = readers.reindex(rows["image_id"].astype(str))
    if decided.notna().to_numpy().sum() == 0:
        raise DataError(
            "The readers read none of these cases.",
            expected="image_id values as in the predictions",
            found=f"{readers.index[0]!r} in the readers file" if len(readers) else "no image",
            remedy="check the identifiers",
        )
    entries = [
        _reader(str(name), rows, decided[name].to_numpy(np.float64), threshold, level)
        for name in decided.columns
    ]
    corrected = holm_together(
        [{name: entry.mcnemar[name].p_value for name in SHARES[:2]} for entry in entries]
    )
    found = tuple(replace(entry, p_holm=own) for entry, own in zip(entries, corrected, strict=True))
    unread = int(decided.isna().all(axis=1).sum())
    partly = Notice("unread", unread=unread, cases=len(rows))
    return found, [partly] if unread else []


def _reader(
    name: str, rows: pd.DataFrame, decided: np.ndarray, threshold: float, level: float
) -> ReaderResults:
    read = ~np.isnan(decided)
    cases = cases_of(rows[read])
    human = decided[read].astype(np.int64)
    called = (cases.p >= threshold).astype(np.int64)
    abnormal, right = cases.label == 1, human == cases.label
    tests, differences = paired_shares(cases, called, human, level)
    own = {
        metric: cases.share(right, level, mask)
        for metric, mask in (("sensitivity", abnormal), ("specificity", ~abnormal))
    }
    return ReaderResults(
        name=name,
        n=int(read.sum()),
        **own,
        kappa=kappa(called, human, level, cases.cluster),
        model_minus_reader=differences,
        mcnemar=tests,
        p_holm={},
    )


def paired_shares(
    cases: Cases, first: IntArray, second: IntArray, level: float
) -> tuple[dict[str, McNemar], dict[str, Estimate]]:
    """Return McNemar's test and the paired difference of each share, first minus second.

    Both keep the images of one patient together where a patient has several.
    """
    masks = (cases.label == 1, cases.label == 0, np.ones(len(cases.label), dtype=bool))
    tests, differences = {}, {}
    for name, mask in zip(SHARES, masks, strict=True):
        ours, theirs = ((each == cases.label)[mask].astype(np.int64) for each in (first, second))
        cluster = subset(cases.cluster, mask)
        tests[name] = mcnemar(ours, theirs, cluster)
        differences[name] = paired_difference(ours, theirs, level, cluster)
    return tests, differences
