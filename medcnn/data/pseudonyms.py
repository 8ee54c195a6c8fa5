"""A manifest whose patients and studies have pseudonyms in the place of their identifiers."""

from __future__ import annotations

import pandas as pd

from medcnn.data.manifest import Manifest
from medcnn.io.identifiers import pseudonym

SHORTEST_TOLD = 4
"""Shorter identifiers stand in file names by chance."""


def hide_patients(manifest: Manifest, salt: str) -> Manifest:
    """Return the manifest with patient_id and study_id hashed.

    File names are the user's: a warning counts those that hold the identifier of their patient,
    since image_id and path go where the results go.
    """
    table = manifest.table.copy()
    telling = _telling(table)
    for column, kind in (("patient_id", "patient"), ("study_id", "study")):
        known = {text: pseudonym(text, salt, kind) for text in table[column].unique()}
        table[column] = table[column].map(known)
    text = (
        f"{telling} of {len(table)} file names hold the identifier of their patient, which hashing "
        "does not reach: rename the files, or keep manifest.csv and the predictions to yourself."
    )
    return manifest.with_table(table, *([text] if telling else []))


def _telling(table: pd.DataFrame) -> int:
    pairs = zip(table["patient_id"], table["image_id"], table["path"], strict=True)
    return sum(
        len(patient) >= SHORTEST_TOLD and (patient in image or patient in path)
        for patient, image, path in pairs
    )
