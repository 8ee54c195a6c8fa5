"""Folds of sources: each fold is tested on sources that its training never saw.

A source is a value of a column: a site, a scanner, a year, an acquisition cluster. Patients are never
on both sides either: where a patient has images from a tested source and from others, the others are
left out of the training of that fold. So every image is tested once, by a model that saw neither its
source nor its patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.data.settings import ACQUISITION, LEAST_SOURCES, PATIENT
from medcnn.errors import DataError
from medcnn.notices import Notice

UNKNOWN = "unknown"
MOST = 10
"""Folds at most where their number is not given."""


@dataclass(frozen=True)
class SourceFolds:
    """Which source is tested in which fold.

    Attributes:
        column: The column of the sources.
        fold: The fold of each source, from 0.
        notices: What a reader has to know.
    """

    column: str
    fold: dict[str, int]
    notices: tuple[Notice, ...]


def source_names(column: pd.Series) -> pd.Series:
    """Return the source of each row; images of acquisition clusters alone may have none, ``""``.

    >>> source_names(pd.Series(["A", None, ""], name="site")).tolist()
    ['A', 'unknown', 'unknown']
    """
    names = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    # What has no cluster has no pixels, or is of the test split.
    return names if column.name == ACQUISITION else names.replace("", UNKNOWN)


def folds_of_sources(table: pd.DataFrame, column: str, folds: int, group: str) -> SourceFolds:
    """Return balanced folds of whole sources, each with both classes.

    Args:
        table: The images to train and test with, ``label`` and the columns named here.
        column: Of the sources.
        folds: How many.
        group: The column of the patients.

    Raises:
        DataError: If there is no such column, there are fewer than three sources or fewer than folds,
            or the sources are the label.
    """
    counts = counted(table, column)
    both = counts[(counts > 0).all(axis=1)]
    _check_sources(counts, len(both), column)
    if folds > len(counts):
        raise DataError(
            f"There are fewer sources by {column!r} than folds.",
            expected=f"data.folds of at most {len(counts)}",
            found=f"data.folds={folds}",
            remedy="each fold is tested on whole sources; ask for fewer folds",
        )
    fold = _dealt(counts, folds)
    _check_folds(counts, fold, folds, column, len(both))
    return SourceFolds(column, fold, tuple(_notices(table, counts, column, folds, group)))


def default_folds(table: pd.DataFrame, column: str) -> int:
    """Return one fold for each source with both classes, two at least and ten at most.

    Raises:
        DataError: If there is no such column.
    """
    both = int((counted(table, column) > 0).all(axis=1).sum())
    return min(max(both, 2), MOST)


def counted(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the images of each source by label: a row a source, the columns 0 and 1.

    Raises:
        DataError: If there is no such column.
    """
    if column not in table:
        raise DataError(
            f"The manifest has no column {column!r} to fold by.",
            expected=f"data.fold_by={PATIENT}, {ACQUISITION}, or one of {', '.join(map(str, table))}",
            found=f"data.fold_by={column}",
            remedy=f"data.fold_by={ACQUISITION} finds sources in the images, where no column says it",
        )
    names = source_names(table[column])
    known = names.ne("")
    found = pd.crosstab(names[known], table.loc[known, "label"])
    return found.reindex(columns=[0, 1], fill_value=0)


def held_out(
    table: pd.DataFrame, folds: SourceFolds, fold: int, name: str, group: str
) -> pd.DataFrame:
    """Return the rows of one fold, its sources as ``name``, without its patients' images elsewhere.

    Args:
        table: The images; those with the split ``train`` take part.
        folds: Which source is tested where.
        fold: The fold.
        name: The split of what is held out.
        group: The column of the patients.
    """
    names = source_names(table[folds.column])
    train = table["split"].eq("train")
    tested = train & names.map(folds.fold).eq(fold)
    elsewhere = train & ~tested & table[group].isin(table.loc[tested, group])
    return table.assign(split=table["split"].mask(tested, name))[~elsewhere]


def _dealt(counts: pd.DataFrame, folds: int) -> dict[str, int]:
    """Return the fold of each source: the large first, each to the fold that has least of its kind."""
    shares = (counts / counts.sum()).to_numpy(np.float64)
    load = np.zeros((folds, 2))
    found: dict[str, int] = {}
    for at in np.lexsort((np.arange(len(shares)), -shares.sum(axis=1))):
        # The growth of the sum of squares: an empty fold comes first, then one without this class.
        growth: npt.NDArray[np.float64] = (2 * load + shares[at]) @ shares[at]
        place = int(np.round(growth, 12).argmin())
        load[place] += shares[at]
        found[str(counts.index[at])] = place
    return found


def _check_sources(counts: pd.DataFrame, both: int, column: str) -> None:
    if len(counts) > 1 and not both:
        raise DataError(
            f"Each source by {column!r} has one class only: the sources are the label.",
            expected="sources with normal and abnormal images",
            found=f"{int((counts[0] > 0).sum())} sources with normal images only, "
            f"{int((counts[1] > 0).sum())} with abnormal images only",
            remedy=f"data.fold_by={ACQUISITION}, {PATIENT} or another column",
        )
    if len(counts) < LEAST_SOURCES:
        shown = ", ".join(
            f"{name} ({row[0]} normal, {row[1]} abnormal)" for name, row in counts.iterrows()
        )
        raise DataError(
            f"Fewer than {LEAST_SOURCES} sources by {column!r} tell nothing of a further one.",
            expected=f"{LEAST_SOURCES} sources at least",
            found=shown or "none",
            remedy=_still(counts, column),
        )


def _still(counts: pd.DataFrame, column: str) -> str:
    """Return what can be done with one source or two."""
    if len(counts) == 2:
        return (
            f"data.hold_out=[{column}:{counts.index[-1]}] tests on one of them, trained on the other; "
            f"data.fold_by={ACQUISITION} looks for sources in the images"
        )
    return f"data.fold_by={ACQUISITION} looks for sources in the images; or data.fold_by={PATIENT}"


def _check_folds(
    counts: pd.DataFrame, fold: dict[str, int], folds: int, column: str, both: int
) -> None:
    of_fold = counts.groupby(counts.index.map(fold)).sum()
    lacking = of_fold[(of_fold == 0).any(axis=1)]
    if len(lacking):
        at = int(lacking.index[0])
        only = "abnormal" if lacking.iloc[0][0] == 0 else "normal"
        names = [name for name, place in fold.items() if place == at]
        raise DataError(
            f"A fold by {column!r} would be tested on {only} images alone: {', '.join(names)}.",
            expected="both classes in the sources of every fold",
            found=f"{both} of {len(counts)} sources have both classes, data.folds={folds}",
            remedy="ask for fewer folds, so that sources of one class are tested with others",
        )


def _notices(
    table: pd.DataFrame, counts: pd.DataFrame, column: str, folds: int, group: str
) -> list[Notice]:
    names = source_names(table[column])
    found = [Notice("folded_by", column=column, sources=len(counts), folds=folds)]
    single = counts[(counts == 0).any(axis=1)].index.tolist()
    if single:
        found.append(Notice("one_class_sources", names=_shown(single), n=len(single)))
    if UNKNOWN in counts.index:
        unnamed = int(names.eq(UNKNOWN).sum())
        found.append(Notice("source_unknown", column=column, count=unnamed, of=len(table)))
    several = names[names.ne("")].groupby(table[group]).nunique()
    crossing = int((several > 1).sum())
    if crossing:
        found.append(Notice("patients_of_several", patients=crossing, of=len(several)))
    return found


def _shown(names: Sequence[str]) -> list[str]:
    return [*names[:5], *(["…"] if len(names) > 5 else [])]
