"""Writing a radiograph as a DICOM file (PS3.10) with fixed identifiers: same case, same bytes."""

from __future__ import annotations

import hashlib
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from medcnn.data.sources.phantom.plan import Case
from medcnn.data.sources.phantom.radiograph import BITS, Radiograph

IMPLEMENTATION = UID("2.25.172140917463980264318")


def uid(*parts: object) -> UID:
    """Return the UID that belongs to ``parts`` (PS3.5 B.2: 2.25 and a 128-bit integer)."""
    text = "/".join(map(str, parts)).encode()
    return UID(f"2.25.{int.from_bytes(hashlib.sha256(text).digest()[:15], 'big')}")


def patient_id(case: Case) -> str:
    """Return the patient of a case, such as ``P00012``."""
    return f"P{case.patient:05d}"


def study_uid(case: Case, digest: str) -> UID:
    """Return the study of a case; every exposure is a study of its own."""
    return uid(digest, case.patient, case.number, "study")


def dicom_bytes(case: Case, image: Radiograph, digest: str) -> bytes:
    """Return the whole DICOM file of a radiograph."""
    dataset = _patient_module(case, digest)
    _image_module(dataset, case, image)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION
    meta.ImplementationVersionName = "MEDCNN_PHANTOM"
    dataset.file_meta = meta
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _patient_module(case: Case, digest: str) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = uid(digest, case.patient, case.number, "instance")
    dataset.StudyInstanceUID = study_uid(case, digest)
    dataset.SeriesInstanceUID = uid(digest, case.patient, case.number, "series")
    dataset.PatientName = f"PHANTOM^{case.patient:05d}"
    dataset.PatientID = patient_id(case)
    dataset.PatientSex = case.body.sex
    dataset.PatientAge = f"{case.body.age:03d}Y"
    dataset.PatientBirthDate = ""
    dataset.StudyDate = f"2000{1 + case.number:02d}01"
    dataset.StudyTime = "120000"
    dataset.AccessionNumber = ""
    dataset.StudyID = str(case.number + 1)
    dataset.SeriesNumber = "1"
    dataset.InstanceNumber = "1"
    dataset.ReferringPhysicianName = ""
    dataset.Manufacturer = "medcnn phantom"
    dataset.Modality = "CR"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = case.acquisition.view
    dataset.PatientOrientation = ["L", "F"]
    return dataset


def _image_module(dataset: Dataset, case: Case, image: Radiograph) -> None:
    dataset.SamplesPerPixel = 1
    inverted = case.acquisition.monochrome1
    dataset.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if inverted else "IDENTITY"
    dataset.Rows, dataset.Columns = image.stored.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, BITS, BITS - 1
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept, dataset.RescaleSlope = "0", "1"
    dataset.RescaleType = "US"
    spacing = f"{image.spacing_mm:.6f}"
    dataset.ImagerPixelSpacing = [spacing, spacing]
    if case.acquisition.window:
        centre, width = image.window
        dataset.WindowCenter, dataset.WindowWidth = f"{centre:.1f}", f"{width:.1f}"
    dataset.BurnedInAnnotation = "YES" if case.acquisition.marker else "NO"
    dataset.PixelData = image.stored.tobytes()
    dataset["PixelData"].VR = "OW"
