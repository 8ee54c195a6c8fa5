"""A part of a data set, to try the whole way on before the hours that the data set takes."""

from __future__ import annotations

from medcnn.data.manifest import Manifest
from medcnn.data.splits.drawing import draw
from medcnn.notices import Notice


def limited(manifest: Manifest, limit: int, *, group: str, seed: int) -> Manifest:
    """Return about ``limit`` images of a manifest, in its proportions of labels and splits.

    Patients are kept whole, so that there may be a few images more or fewer. What is left says of
    itself that it is no result.

    Args:
        manifest: The images.
        limit: How many are wanted; a data set that has no more is left as it is.
        group: The column of what stays together, usually the patient.
        seed: Of the draw.
    """
    table = manifest.table
    if len(table) <= limit:
        return manifest
    column = group if group in table else "patient_id"
    kept = draw(table, "limit", limit / len(table), seed, ["split"], column)
    rows = table[table[column].isin(kept)]
    return manifest.with_table(rows, Notice("limited", n=len(rows), of=len(table)))
