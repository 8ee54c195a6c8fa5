"""From the rows of a source to its manifest: what the headers add, and whom the patients name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from medcnn.data.manifest import Manifest, build_manifest
from medcnn.data.patients import without_placeholders
from medcnn.data.sources.headers import with_headers
from medcnn.data.sources.metadata import views
from medcnn.files.identifiers import plain_identifiers
from medcnn.notices import Notice


def complete_manifest(
    rows: pd.DataFrame,
    *,
    source: str,
    label_policy: str = "label as given: 0 normal, 1 abnormal",
    citation: str = "",
    warnings: Iterable[str] = (),
    left_out: Mapping[str, int] | None = None,
    identity: bool = True,
) -> Manifest:
    """Return the manifest of a source's rows, completed by the DICOM headers of its files.

    Args:
        rows: With ``image_id, path, label`` at least.
        source: The name of the source.
        label_policy: How findings became labels, in one sentence.
        citation: The publication to cite.
        warnings: What the source has to say already.
        left_out: How many files or rows it left out, by reason.
        identity: Whether the patients and studies of the headers are true ones.

    Raises:
        DataError: If the rows make no manifest.
    """
    doubts: list[Notice] = []
    if "path" in rows and "image_id" in rows and len(rows):
        rows = with_headers(rows, identity=identity)
        if "view" in rows:
            rows = rows.assign(view=views(rows["view"]))
        for name in ("image_id", "patient_id", "study_id"):
            if name in rows:
                rows = rows.assign(**{name: plain_identifiers(rows[name])})
        if "patient_id" in rows:
            rows, doubts = without_placeholders(rows, source)
    return build_manifest(
        rows,
        source=source,
        label_policy=label_policy,
        citation=citation,
        warnings=warnings,
        left_out=left_out,
        doubts=doubts,
    )
