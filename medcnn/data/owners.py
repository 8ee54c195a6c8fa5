"""Whose a patient is: an identifier names somebody only within the release or place that gave it.

Two hospitals may both have a patient 0017. Within one public release, wherever it lies, and within
one folder or manifest, the same identifier is the same person.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from medcnn.data.settings import Data
from medcnn.data.sources.several import SOURCE, of_owner
from medcnn.settings.fields import Component

PLACES = ("folder", "manifest", "manifest_csv", "phantom")
"""Sources that are known by where they lie: any hospital's images can be one of them."""
_UID = re.compile(r"[0-2](\.(0|[1-9]\d*)){5,}|2\.25\.[1-9]\d{20,38}")


def owned_patients(table: pd.DataFrame, data: Data) -> pd.Series:
    """Return the patient of each image with whose it is in front: ``nih/00000013``.

    Args:
        table: A manifest's rows.
        data: What they were read by.
    """
    patients = table["patient_id"].astype(str)
    if not data.sources or SOURCE not in table:
        return _owned(patients, _name(data), _place(data.root, data.source))
    parts = [
        # One manifest of several has the source in front already, in words that have no place.
        _owned(
            rows.str.removeprefix(f"{name}/"), str(name), _place(data.roots.get(str(name)), None)
        )
        for name, rows in patients.groupby(table[SOURCE])
    ]
    found: pd.Series = pd.concat(parts).reindex(table.index)
    return found


def is_uid(text: str) -> bool:
    """Return whether an identifier is unique in the world, as DICOM's are (PS3.5 section 9).

    >>> is_uid("1.2.840.113619.2.55.3.1"), is_uid("0017")
    (True, False)
    """
    return _UID.fullmatch(text) is not None


def _name(data: Data) -> str:
    module = data.source.target.split(".")[-2] if data.source and data.source.target else ""
    return data.name or module


def _place(root: str | None, source: Component | None) -> str:
    """Return what tells one place from another: its path, or all that made it."""
    if root is None and source is not None:
        given = source.arguments.get("root")
        root = None if given is None else str(given)
    if root is not None:
        return str(Path(root).expanduser().resolve())
    return "" if source is None else str(sorted(source.arguments.items()))


def _owned(patients: pd.Series, name: str, place: str) -> pd.Series:
    owner = f"{name}@{place}" if name in PLACES else name
    return of_owner(patients, name, owner)
