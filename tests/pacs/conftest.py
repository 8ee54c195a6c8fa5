"""Images of every sort that a report may be of, and what judges the objects."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from medcnn.data.sources import phantom
from medcnn.io.conformance.example import file_of
from medcnn.metrics.thresholds import Threshold
from medcnn.pacs.identity import Judge

place = Path(__file__).parents[1] / "inference" / "conftest.py"
spec = importlib.util.spec_from_file_location("inference_conftest", place)
written = importlib.util.module_from_spec(spec)
spec.loader.exec_module(written)
made_run = written.made_run
"""Runs that are written, not trained."""

COMPLETE = {
    "SOPClassUID": ComputedRadiographyImageStorage,
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.10",
    "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.11",
    "PatientID": "MRN1",
    "PatientName": "Doe^Jane",
    "PatientBirthDate": "19700102",
    "PatientSex": "F",
    "StudyDate": "20240203",
    "StudyTime": "101112.13",
    "StudyID": "1",
    "AccessionNumber": "A1",
    "ReferringPhysicianName": "Ray^X",
    "WindowCenter": "2000",
    "WindowWidth": "3000",
}
VARIANTS = {
    "plain": {},
    "monochrome1": {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
    "odd_spelling": {"PhotometricInterpretation": "MONOCHROME 2"},
    "implicit": {"syntax": ImplicitVRLittleEndian},
    "big_endian": {"syntax": ExplicitVRBigEndian},
    "capture": {"SOPClassUID": SecondaryCaptureImageStorage, "Modality": "OT"},
    "non_square": {"PixelAspectRatio": ["3", "2"]},
    "spacing": {"ImagerPixelSpacing": ["0.2", "0.1"]},
    "rescaled": {"RescaleSlope": "2", "RescaleIntercept": "-5", "RescaleType": "US"},
    "no_patient": dict.fromkeys(("PatientID", "PatientName", "PatientBirthDate", "PatientSex"), ""),
    "no_window": {"WindowCenter": None, "WindowWidth": None},
    "no_dates": {"StudyDate": "", "StudyTime": ""},
    "bad_values": {"PatientSex": "X", "PatientBirthDate": "01.02.1970", "StudyTime": "noon"},
    "long_text": {"StudyDescription": "d" * 90, "StudyID": "more than sixteen letters"},
    "umlaut": {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller^Jürgen"},
    "one_name": {"PatientName": "anonymous"},
    "japanese": {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Yamada^Taro=山田^太郎"},
    "several_windows": {"WindowCenter": ["2000", "1500"], "WindowWidth": ["3000", "900"]},
}
MISSING = ("StudyID", "AccessionNumber", "ReferringPhysicianName", "PatientBirthDate", "PatientSex")


def _stored(rows=72, columns=56):
    y, x = np.mgrid[:rows, :columns]
    return (40 * x + 13 * y).clip(0, 4095).astype(np.uint16)


def image_bytes(name="plain", *, uid="", stored=None, **more):
    """Return the file of a variant; ``more`` replaces elements."""
    facts = {**COMPLETE, **VARIANTS[name], **more}
    if uid:
        facts["SOPInstanceUID"] = uid
    missing = [key for key, value in facts.items() if value is None]
    facts = {key: value for key, value in facts.items() if key not in missing}
    return file_of(_stored() if stored is None else stored, **facts)


@pytest.fixture(scope="session")
def make_image():
    return image_bytes


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Return a folder of DICOM files as different as they come, with real ones where there are any."""
    folder = tmp_path_factory.mktemp("varied")
    for number, name in enumerate(VARIANTS):
        (folder / f"{name}.dcm").write_bytes(image_bytes(name, uid=f"1.2.3.4.{number + 1}"))
    bare = dict.fromkeys(MISSING)
    (folder / "missing.dcm").write_bytes(image_bytes(uid="1.2.3.4.100", **bare))
    for number, shape in enumerate(((1, 1), (33, 257))):
        content = image_bytes(uid=f"1.2.3.4.{200 + number}", stored=_stored(*shape))
        (folder / f"odd_size{number}.dcm").write_bytes(content)
    made = phantom.read(tmp_path_factory.mktemp("phantoms"), n_images=4, size=64)
    for path in made.table["path"].iloc[:2]:
        shutil.copy(path, folder)
    if os.environ.get("MEDCNN_TEST_DATA"):
        for path in (Path(os.environ["MEDCNN_TEST_DATA"]) / "dicom").glob("*.dcm"):
            shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def judge():
    return Judge("xray", ("ab" * 32,), Threshold(0.41, "youden"), "c" * 64, "95%")


@pytest.fixture(scope="session")
def errors_of():
    """Return a function that gives the errors that dciodvfy finds in a file."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")

    def ask(path):
        done = subprocess.run(["dciodvfy", path], capture_output=True, check=False, timeout=60)
        said = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
        assert any(line.isidentifier() for line in said), "dciodvfy does not know the IOD"
        return [line for line in said if line.startswith("Error")]

    return ask
