"""Whether the patients that a table names are patients: nobody's names, and two names of one."""

from __future__ import annotations

import pandas as pd

from medcnn.files.identifiers import (
    alike,
    in_scientific_notation,
    is_placeholder_number,
    is_placeholder_word,
)
from medcnn.notices import Notice

LEAST = 10
"""Images that a number has to stand for before it can be nobody's."""
OUT_OF_LINE = 5
"""Times as many images as nearly all other patients have."""
LARGE_SHARE = 0.25
"""Part of all images above which one patient is worth a warning."""

REMEDY = "Give patient_id in a manifest (data=manifest), or pseudonyms that differ between patients"


def placeholders(patients: pd.Series, *, shared: bool = False) -> set[str]:
    """Return the identifiers that stand for nobody, such as ANONYMOUS, or a 0 for half the images.

    A word for nobody always is one. A number such as 0 or 9999 may be somebody's, and is one where
    it has far more images than nearly all the others, or all of them.

    Args:
        patients: The identifier of each image.
        shared: Whether any identifier that all images share is one too.

    >>> sorted(placeholders(pd.Series(["a", "b", "Anonymous", "0"])))
    ['Anonymous']
    >>> placeholders(pd.Series(["0"] * 20 + ["1", "2", "2"]))
    {'0'}
    """
    counts = patients.dropna().value_counts()
    if shared and len(counts) == 1 and counts.iloc[0] >= LEAST:
        return set(counts.index)
    words = {name for name in counts.index if is_placeholder_word(name)}
    numbers = [name for name in counts.index if name not in words and is_placeholder_number(name)]
    others = counts.drop(index=[*words, *numbers])
    usual = float(others.quantile(0.95)) if len(others) else 1.0
    least = max(LEAST, OUT_OF_LINE * usual)
    return words | {name for name in numbers if counts[name] >= least}


def without_placeholders(
    table: pd.DataFrame, source: str, *, shared: bool = False
) -> tuple[pd.DataFrame, list[Notice]]:
    """Return the rows with nobody in the place of placeholders, and what a reader has to know.

    Images whose patient is a placeholder keep together by study, where their studies are told apart.
    The warnings count, and never quote an identifier.

    Args:
        table: Rows with ``patient_id`` as ``plain_identifiers`` returns them, missing ones included.
        source: The name of the source.
        shared: Whether any identifier that all images share is a placeholder too.
    """
    patients = table["patient_id"]
    false = patients.isin(placeholders(patients, shared=shared))
    if not false.any():
        return table, _doubts(patients, source)
    studies = table["study_id"] if "study_id" in table else pd.Series(pd.NA, table.index)
    studies = studies.where(false)
    told_apart = studies.nunique() > 1
    key = "placeholders_by_study" if told_apart else "placeholders"
    text = Notice(key, source=source, count=int(false.sum()), of=len(table), remedy=REMEDY)
    table = table.assign(patient_id=patients.mask(false, studies if told_apart else None))
    table["patient_id"] = table["patient_id"].mask(
        false & table["patient_id"].isna(), table["image_id"]
    )
    if not told_apart and "study_id" in table:
        table["study_id"] = table["study_id"].mask(false, None)
    return table, [text, *_doubts(patients[~false], source)]


def _doubts(patients: pd.Series, source: str) -> list[Notice]:
    counts = patients.value_counts()
    if counts.empty:
        return []
    found = []
    most, n = int(counts.iloc[0]), int(counts.sum())
    usual = float(counts.iloc[1:].quantile(0.95)) if len(counts) > 1 else 1.0
    if most >= LEAST and most > max(LARGE_SHARE * n, OUT_OF_LINE * usual):
        found.append(Notice("one_patient", source=source, most=most, of=n, remedy=REMEDY))
    capitals, zeros = alike(counts.index)
    for count, key in ((capitals, "alike_but_capitals"), (zeros, "alike_but_zeros")):
        if count:
            found.append(Notice(key, source=source, count=count))
    lost = in_scientific_notation(counts.index)
    if lost:
        found.append(Notice("scientific", source=source, count=lost))
    return found
