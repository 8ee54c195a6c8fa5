"""Tags that identify a person: which of them hold something, never what (PS3.15 table E.1-1)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping

from pydicom.dataset import Dataset

from medcnn.io.doctor.finding import Finding

IDENTIFYING = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientBirthTime"),
    *("PatientBirthName", "PatientMotherBirthName", "OtherPatientIDs", "OtherPatientNames"),
    *("OtherPatientIDsSequence", "PatientAddress", "PatientTelephoneNumbers", "PatientComments"),
    *(
        "PatientTelecomInformation",
        "PatientInsurancePlanCodeSequence",
        "PatientReligiousPreference",
    ),
    *("CountryOfResidence", "RegionOfResidence", "MilitaryRank", "BranchOfService", "Occupation"),
    *("MedicalRecordLocator", "EthnicGroup", "ResponsiblePerson", "ResponsibleOrganization"),
    *("AccessionNumber", "AdmissionID", "InstitutionName", "InstitutionAddress"),
    *("InstitutionalDepartmentName", "ReferringPhysicianName", "ReferringPhysicianAddress"),
    *("ReferringPhysicianTelephoneNumbers", "PerformingPhysicianName", "PhysiciansOfRecord"),
    *(
        "NameOfPhysiciansReadingStudy",
        "RequestingPhysician",
        "OperatorsName",
        "VerifyingObserverName",
    ),
    *("PersonName", "ContentCreatorName", "ReviewerName", "ImageComments", "StationName"),
    *("AdditionalPatientHistory", "RequestAttributesSequence", "PersonAddress"),
)

_IN_NAMES: Mapping[str, Callable[[str], list[str]]] = {
    "PatientName": re.compile(r"[\W_]+").split,
    "PatientID": str.split,
    "PatientBirthDate": str.split,
}
"""What may stand in names of files, and the parts of it that tell."""

_SHORTEST = 4
"""Shorter words stand in names of files by chance."""

_HARMLESS = (
    *("", "ANONYMOUS", "ANON", "ANONYMIZED", "ANONYMISED", "DEIDENTIFIED", "DE-IDENTIFIED"),
    *("REMOVED", "UNKNOWN", "NONE", "NA", "N/A", "0", "19000101", "00010101", "XXX", "REDACTED"),
)


def identifying_findings(dataset: Dataset) -> Iterator[Finding]:
    """Yield what in the tags may identify a person; the problem names keywords, not values."""
    keywords = identifying_keywords(dataset)
    if keywords:
        yield Finding(
            "privacy",
            "identifying_tags",
            "identifying tags",
            "de-identify the files before they are shared; medcnn itself keeps of these the Patient "
            "ID alone, which data.hash_patients=true hashes",
            tuple(keywords),
        )
    if _has_private(dataset):
        yield Finding(
            "privacy",
            "private_tags",
            "private elements of a vendor, which may repeat a name",
            "remove them before the files are shared",
        )
    if str(dataset.get("BurnedInAnnotation") or "").strip().upper() == "YES":
        yield Finding(
            "privacy",
            "burned_in_annotation",
            "text burned in (Burned In Annotation YES)",
            "look whether it names the patient, and black it out",
        )


def telling_name_findings(dataset: Dataset, name: str) -> Iterator[Finding]:
    """Yield whether the name of the file, with its folders, repeats who the patient is."""
    folded = _folded(name)
    telling = [
        keyword
        for keyword in identifying_keywords(dataset)
        if keyword in _IN_NAMES
        and any(
            len(part) >= _SHORTEST and part in folded
            for part in _IN_NAMES[keyword](_folded(str(dataset.get(keyword) or "")))
        )
    ]
    if telling:
        yield Finding(
            "privacy",
            "telling_name",
            "the name of the file or of its folder repeats identifying tags",
            "rename it: manifests, predictions and reports name images by their files",
            tuple(telling),
        )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKD", text).casefold()


def identifying_keywords(dataset: Dataset) -> list[str]:
    """Return the keywords of the identifying elements with a value, nested ones included."""
    is_removed = str(dataset.get("PatientIdentityRemoved") or "").strip().upper() == "YES"
    pseudonym = str(dataset.get("PatientID") or "").strip() if is_removed else ""
    found: dict[str, None] = {}
    for element in dataset.iterall():
        if element.keyword in IDENTIFYING and element.VR != "SQ":
            text = str(element.value if element.value is not None else "").strip()
            if text.upper() not in _HARMLESS and text != pseudonym:
                found[element.keyword] = None
    return [keyword for keyword in IDENTIFYING if keyword in found]


def _has_private(dataset: Dataset) -> bool:
    return any(tag.is_private for tag in list(dataset.keys()))
