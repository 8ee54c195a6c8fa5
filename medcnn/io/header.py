"""A DICOM header -> the facts of an image, whatever state its optional elements are in."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from pydicom.dataset import Dataset

from medcnn.io.elements import codes, integer, numbers, text, texts
from medcnn.io.facts import Facts
from medcnn.io.words import shown_notes, side_name, view_of_code, view_of_orientation, view_within

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_UNITS_PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 52.18, "D": 365.25}
_DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
_DATES = ("StudyDate", "AcquisitionDate", "ContentDate", "SeriesDate")


def header_facts(dataset: Dataset) -> Facts:
    """Return what the header of a data set says, its pixels apart.

    Args:
        dataset: The data set with its File Meta Information.
    """
    facts = Facts(
        kind="dicom",
        rows=integer(dataset, "Rows") or 0,
        columns=integer(dataset, "Columns") or 0,
        bits=integer(dataset, "BitsStored") or 0,
        photometric=text(dataset, "PhotometricInterpretation").upper(),
        view=_view(dataset),
        spacing_mm=_spacing(dataset),
        modality=text(dataset, "Modality"),
        body_part=text(dataset, "BodyPartExamined") or _region(dataset),
        patient_id=text(dataset, "PatientID"),
        study_id=text(dataset, "StudyInstanceUID"),
        date=_date(dataset),
        sex=text(dataset, "PatientSex").upper(),
        age=age_in_years(text(dataset, "PatientAge")),
        laterality=side_name(text(dataset, "ImageLaterality") or text(dataset, "Laterality")),
        manufacturer=text(dataset, "Manufacturer"),
        transfer_syntax=str(dataset.file_meta.get("TransferSyntaxUID", "")),
    )
    return replace(facts, notes=tuple(dict.fromkeys(shown_notes(facts))))


def age_in_years(text: str) -> float | None:
    """Return an Age String (PS3.5 6.2) in years, or None where it is not one; no unit means years.

    >>> age_in_years("006M"), age_in_years("058Y"), age_in_years("")
    (0.5, 58.0, None)
    """
    match = re.fullmatch(r"\s*(\d{1,3})([DWMY]?)\s*", text.upper())
    if match is None:
        return None
    return round(int(match[1]) / _UNITS_PER_YEAR[match[2] or "Y"], 2)


def _view(dataset: Dataset) -> str:
    """Return View Position, or what its code, the patient's orientation or a description says."""
    named = text(dataset, "ViewPosition").upper()
    if named:
        return named
    for item in codes(dataset, "ViewCodeSequence"):
        found = view_of_code(text(item, "CodeValue"), text(item, "CodeMeaning"))
        if found:
            return found
    orientation = texts(dataset, "PatientOrientation")
    of_patient = view_of_orientation(*orientation) if len(orientation) == 2 else ""
    described = (view_within(text(dataset, keyword)) for keyword in _DESCRIPTIONS)
    found = next((view for view in described if view), "")
    return of_patient if of_patient == "LATERAL" or not found else found


def _region(dataset: Dataset) -> str:
    regions = (text(item, "CodeMeaning") for item in codes(dataset, "AnatomicRegionSequence"))
    return next((region for region in regions if region), "")


def _date(dataset: Dataset) -> str:
    found = (text(dataset, keyword).replace(".", "") for keyword in _DATES)
    return next((date for date in found if re.fullmatch(r"\d{8}", date)), "")


def _spacing(dataset: Dataset) -> tuple[float, float] | None:
    for keyword in _SPACINGS:
        found = numbers(dataset, keyword)
        if len(found) == 2 and all(np.isfinite(found)) and min(found) > 0:
            return found[0], found[1]
    return None
