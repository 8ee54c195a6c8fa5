"""The image that a result is of: what of its header goes into the result, and whether there can be one.

Of patient and study only what identifies them is taken over, each element checked against its value
representation, so that a careless header makes no invalid object.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pydicom.valuerep import validate_value

from medcnn.errors import ImageError
from medcnn.io.dicom import read_facts
from medcnn.io.dicom_file import quiet_pydicom
from medcnn.io.elements import integer, text
from medcnn.io.facts import Facts
from medcnn.io.photometric import MONOCHROME, photometric_name

UNIQUE = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
"""Without these nothing can refer to an image."""
_WHO = ("PatientID", "PatientName")
_OPTIONAL = (
    *("IssuerOfPatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyDescription"),
)
_EMPTY = (
    *("PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime"),
    "ReferringPhysicianName",
)
"""Type 2: there, and empty where nothing is known."""
_MOMENTS = (
    *(("ContentDate", "ContentTime"), ("AcquisitionDate", "AcquisitionTime")),
    *(("SeriesDate", "SeriesTime"), ("StudyDate", "StudyTime")),
)
_CLOCKS = (
    *(("InstanceCreationDate", "InstanceCreationTime"), ("ContentDate", "ContentTime")),
    *(("PresentationCreationDate", "PresentationCreationTime"),),
    *(("DateOfSecondaryCapture", "TimeOfSecondaryCapture"),),
)
CHARACTERS = "ISO_IR 192"
"""UTF-8: whatever the header was written in, its text is decoded by now."""
NO_DATE = ("19000101", "000000")
"""The date of a result of an image that has none: evidently none."""


class NoResultError(ValueError):
    """An image that no DICOM result can be of; its text is the reason."""


@dataclass(frozen=True)
class Source:
    """An image that results can refer to.

    Attributes:
        reference: The elements of patient, study and image that results repeat.
        header: The whole header, without the pixels.
        facts: Of the file.
        moment: Date and time of the image, which are those of the content of its results: made again
            they are the same, byte for byte.
    """

    reference: Dataset
    header: Dataset
    facts: Facts
    moment: tuple[str, str]

    @property
    def uid(self) -> str:
        """SOP Instance UID of the image."""
        return str(self.reference.SOPInstanceUID)


def read_source(path: Path) -> Source:
    """Return the image in a file as something that results can refer to.

    Raises:
        NoResultError: If there can be none.
    """
    try:
        header, facts = read_facts(path)
    except ImageError as error:
        raise NoResultError("it is no DICOM file") from error
    if (
        photometric_name(facts.photometric) not in MONOCHROME
        or (integer(header, "SamplesPerPixel") or 1) > 1
    ):
        raise NoResultError("it is a colour image")
    if (integer(header, "NumberOfFrames") or 1) > 1:
        raise NoResultError("it has several frames")
    with quiet_pydicom():
        missing = [name for name in UNIQUE if not UID(text(header, name)).is_valid]
        if missing:
            raise NoResultError(f"it has no valid {', '.join(missing)}")
        return Source(_reference(header), header, facts, _moment(header))


def _reference(header: Dataset) -> Dataset:
    found = {name: text(header, name) for name in (*UNIQUE, *_WHO, *_OPTIONAL)}
    for name in _WHO:
        # A shortened identifier is another patient's.
        if not _fits(name, found[name]):
            raise NoResultError(f"its {name} is none that DICOM can hold")
    if found["PatientSex"] not in ("M", "F", "O"):
        found["PatientSex"] = ""
    dataset = Dataset()
    for name, value in found.items():
        kept = value if _fits(name, value) else ""
        if kept or name in (*UNIQUE, *_WHO, *_EMPTY):
            setattr(dataset, name, kept)
    dataset.SpecificCharacterSet = CHARACTERS
    dataset.Rows, dataset.Columns = integer(header, "Rows"), integer(header, "Columns")
    return dataset


def _fits(keyword: str, value: str) -> bool:
    try:
        validate_value(dictionary_VR(keyword), value, config.RAISE)
    except ValueError:
        return False
    return True


def _moment(header: Dataset) -> tuple[str, str]:
    for date_name, time_name in _MOMENTS:
        date, time = text(header, date_name), text(header, time_name)
        if len(date) == 8 and _fits(date_name, date):
            return date, time if time and _fits(time_name, time) else NO_DATE[1]
    return NO_DATE


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence pydicom and highdicom, whose warnings quote the patient's name."""
    logger = logging.getLogger("highdicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with quiet_pydicom():
            yield
    finally:
        logger.setLevel(level)


def keep_body_part(dataset: Dataset, source: Source) -> None:
    """Give a made object the body part of its image; no side of the chest (PS3.3 C.7.3.1)."""
    if source.facts.body_part.upper() == "CHEST":
        dataset.BodyPartExamined = "CHEST"
    else:
        dataset.Laterality = ""


def stamp(dataset: Dataset, moment: tuple[str, str]) -> None:
    """Give a made object the moment of its image in place of the clock's.

    An object that says when it was made would differ from itself made again under the same UID.
    """
    for item in dataset.get("ContributingEquipmentSequence", ()):
        item.pop("ContributionDateTime", None)
    for keywords in _CLOCKS:
        for keyword, value in zip(keywords, moment, strict=True):
            if keyword in dataset:
                setattr(dataset, keyword, value)
