"""Columns of a run's manifest beside its predictions: sex, age, view, site, study."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


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
