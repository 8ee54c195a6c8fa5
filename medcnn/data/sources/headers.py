"""What a manifest takes from a DICOM header, without touching the pixels."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medcnn.errors import ImageError
from medcnn.io.dicom import read_facts

COLUMNS = ("patient_id", "study_id", "view", "sex", "age")


def header_facts(path: Path) -> dict[str, object] | None:
    """Return patient_id, study_id, view, sex and age (years) of a DICOM file, or None.

    A fact that the header lacks is left out; None means that there is no readable header.
    """
    try:
        _, facts = read_facts(path)
    except ImageError:
        return None
    found = {name: getattr(facts, name) for name in COLUMNS}
    return {name: value for name, value in found.items() if value not in ("", None)}


def header_table(paths: pd.Series) -> pd.DataFrame:
    """Return the facts of many DICOM headers, one row a path, with the paths' index.

    An unreadable header leaves its row empty: the image itself is reported when it is decoded.
    """
    return pd.DataFrame([header_facts(Path(path)) or {} for path in paths], index=paths.index)
