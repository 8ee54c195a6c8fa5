"""What a manifest takes from a DICOM header, without touching the pixels."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pandas as pd
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from medcnn.data.sources.layout import DICOM_SUFFIXES

TAGS = ["PatientID", "StudyInstanceUID", "ViewPosition", "PatientSex", "PatientAge"]
AGE_UNITS_PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 52.18, "D": 365.25}


def is_dicom_name(path: Path) -> bool:
    """Return whether a file's name makes it a DICOM file; UIDs end in a number."""
    suffix = path.suffix.lower()
    return suffix in DICOM_SUFFIXES or suffix[1:].isdigit()


def header_facts(path: Path) -> dict[str, object] | None:
    """Return patient_id, study_id, view, sex and age (years) of a DICOM file, or None.

    A fact that the header lacks is left out; None means that there is no readable header. Names and
    birth dates are never read (``specific_tags``).
    """
    try:
        with warnings.catch_warnings():
            # Odd values in tags of other vendors are no fault of the tags read here.
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=TAGS)
            return facts_of(header)
    except (InvalidDicomError, OSError, EOFError, ValueError, AttributeError, KeyError, TypeError):
        return None


def header_table(paths: pd.Series) -> pd.DataFrame:
    """Return the facts of many DICOM headers, one row a path, with the paths' index.

    An unreadable header leaves its row empty: the image itself is reported when it is decoded.
    """
    return pd.DataFrame([header_facts(Path(path)) or {} for path in paths], index=paths.index)


def facts_of(header: Dataset) -> dict[str, object]:
    """Return the facts of a header that has been read."""
    facts: dict[str, object] = {}
    pairs = (
        ("patient_id", "PatientID"),
        ("study_id", "StudyInstanceUID"),
        ("view", "ViewPosition"),
        ("sex", "PatientSex"),
    )
    for column, tag in pairs:
        value = str(header.get(tag, "") or "").strip()
        if value:
            facts[column] = value
    age = age_in_years(str(header.get("PatientAge", "") or ""))
    if age is not None:
        facts["age"] = age
    return facts


def age_in_years(text: str) -> float | None:
    """Return an age string (PS3.5 6.2, VR AS) in years, or None where it is not one.

    >>> age_in_years("006M"), age_in_years("058Y"), age_in_years("")
    (0.5, 58.0, None)
    """
    match = re.fullmatch(r"\s*(\d{1,3})([DWMY]?)\s*", text)
    if match is None:
        return None
    return round(int(match[1]) / AGE_UNITS_PER_YEAR[match[2] or "Y"], 2)
