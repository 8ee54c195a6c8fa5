"""Columns of a run's manifest beside its predictions: sex, age, view, site, study."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from medcnn.run.directory import RunDir

IDENTIFIERS = ("image_id", "patient_id", "study_id")


def with_manifest(table: pd.DataFrame, run: RunDir, names: Sequence[str] = ()) -> pd.DataFrame:
    """Return predictions with the study of each image and the columns named, from the manifest.

    Columns that the predictions have are kept as they are; what the manifest lacks is left to those
    who ask for it. Nothing is added where the run has no manifest or an image stands in it twice.

    Args:
        table: Predictions of the run.
        run: The run.
        names: Columns to add.
    """
    wanted = [name for name in dict.fromkeys(("study_id", *names)) if name not in table]
    if not wanted or not run.manifest.is_file():
        return table
    header = pd.read_csv(run.manifest, nrows=0).columns
    found = [name for name in wanted if name in header]
    if not found or "image_id" not in header:
        return table
    text = dict.fromkeys(IDENTIFIERS, str)
    manifest = pd.read_csv(run.manifest, usecols=["image_id", *found], dtype=text)
    if manifest["image_id"].duplicated().any():
        return table
    known = manifest.set_index("image_id").reindex(table["image_id"].astype(str))
    return table.assign(**{name: known[name].to_numpy() for name in found})
