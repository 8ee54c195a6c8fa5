"""Sex, age and view in one spelling, whatever a release calls them."""

from __future__ import annotations

from collections import Counter
from typing import Literal, get_args

import pandas as pd

from medcnn.errors import ConfigError
from medcnn.io.header import age_in_years
from medcnn.io.words import FRONTAL, view_name
from medcnn.notices import Notice

Views = Literal["frontal", "all"]

OLDEST = 120.0
"""Years; releases hold slips of the keyboard such as 414."""

SEXES = {"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"}


def sexes(column: pd.Series) -> pd.Series:
    """Return M, F, O, or empty where nothing known is said."""
    return column.astype(str).str.strip().str.lower().map(SEXES).fillna("")


def ages(column: pd.Series) -> pd.Series:
    """Return ages in years from numbers or DICOM age strings; missing beyond 0 to 120."""
    years = pd.to_numeric(column.astype(str).map(_age), errors="coerce")
    return years.where((years >= 0) & (years <= OLDEST))


def _age(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return age_in_years(text)


def views(column: pd.Series) -> pd.Series:
    """Return PA, AP, LATERAL, OBLIQUE, the release's own word, or empty where it is unknown."""
    names = column.fillna("").astype(str)
    return names.map({name: view_name(name) for name in names.unique()})


def chosen_views(
    rows: pd.DataFrame, source: str, wanted: str, left_out: Counter[str] | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of the views that are wanted, and a warning that counts the others.

    Args:
        rows: With ``view`` as ``views`` spells it; an empty view counts as frontal.
        source: The name of the source.
        wanted: ``frontal`` or ``all``.
        left_out: Where the others are counted.

    Raises:
        ConfigError: If ``wanted`` is neither.
    """
    check_choice(wanted, "views", get_args(Views))
    if wanted == "all":
        return rows, []
    other = ~rows["view"].isin([*FRONTAL, ""])
    if not other.any():
        return rows, []
    if left_out is not None:
        left_out["not a frontal view"] += int(other.sum())
    names = ", ".join(f"{name} ({n})" for name, n in rows["view"][other].value_counts().items())
    text = Notice("other_views", source=source, count=int(other.sum()), of=len(rows), views=names)
    return rows[~other].reset_index(drop=True), [text]


def check_choice(value: str, name: str, choices: tuple[str, ...]) -> None:
    """Raise ConfigError if an option of a source is not one of its choices."""
    if value not in choices:
        raise ConfigError(
            f"data.source.{name} cannot be {value!r}.",
            expected=" or ".join(choices),
            found=repr(value),
            remedy=f"set data.source.{name}={choices[0]}",
        )
