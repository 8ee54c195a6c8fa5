"""Columns of a run's manifest beside its predictions: sex, age, view, site, study."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

AUTO = "auto"
"""Among the columns asked for: those of ``BY_DEFAULT`` that there are."""

BY_DEFAULT = ("sex", "age", "view", "site")


def with_manifest(
    table: pd.DataFrame, manifest: pd.DataFrame, names: Sequence[str] = ()
) -> pd.DataFrame:
    """Return predictions with the study of each image and the columns named, from the manifest.

    Columns that the predictions have are kept as they are; what the manifest lacks is left to those
    who ask for it.

    Args:
        table: Predictions of a run.
        manifest: The table of its manifest.
        names: Columns to add.
    """
    wanted = [name for name in dict.fromkeys(("study_id", *names)) if name not in table]
    found = [name for name in wanted if name in manifest]
    known = manifest.set_index("image_id").reindex(table["image_id"].astype(str))
    return table.assign(**{name: known[name].to_numpy() for name in found})


def columns_asked(asked: Sequence[str], table: pd.DataFrame) -> list[str]:
    """Return the columns to report by; ``auto`` takes what tells the cases of the table apart.

    Args:
        asked: Names of columns, ``auto`` among them or not.
        table: The cases with their columns.

    >>> columns_asked(["auto", "finding"], pd.DataFrame({"sex": ["F", "M"], "view": ["PA", "PA"]}))
    ['sex', 'finding']
    """
    found: list[str] = []
    by_default = [own for own in BY_DEFAULT if own in table and table[own].nunique() > 1]
    for name in asked:
        found += by_default if name == AUTO else [name]
    return list(dict.fromkeys(found))
