"""MIMIC-CXR-JPG 2.0.0 and 2.1.0, as PhysioNet releases it.

Layout: ``mimic-cxr-2.0.0-{metadata,chexpert,split}.csv.gz`` and
``files/p10/p10000032/s50414267/<dicom_id>.jpg``.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medcnn.data.manifest import Manifest
from medcnn.data.sources.chexpert_labels import OBSERVATIONS, label_observations, rule
from medcnn.data.sources.metadata import views
from medcnn.data.sources.release import Release

EXPECTED = "mimic-cxr-2.0.0-metadata.csv.gz, -chexpert.csv.gz, -split.csv.gz and files/"
SPLITS = {"train": "train", "validate": "val", "test": "test"}
KEYS = ["subject_id", "study_id"]
CITATION = (
    "Johnson et al., MIMIC-CXR-JPG, a large publicly available database of labeled chest "
    "radiographs, arXiv:1901.07042, 2019"
)


def read(root: str | Path, uncertain: str = "u_ones", views: str = "frontal") -> Manifest:
    """Return the manifest of MIMIC-CXR-JPG, with its official split.

    A label belongs to a study and is that of all its images. Dates are shifted by patient in the
    release, so they stand in ``shifted_date`` and are no basis for a split by date.

    Args:
        root: The folder of the release.
        uncertain: What uncertain findings count as: ``u_ones``, ``u_zeros`` or ``u_ignore``.
        views: ``frontal`` or ``all``.

    Raises:
        ConfigError: If an option is not one of its choices.
        DataError: If the folder, a table or one of its columns is missing, or no image is there.
    """
    release = Release("mimic_cxr", root, EXPECTED)
    images = _table(release, "metadata", "dicom_id", *KEYS, "ViewPosition", "StudyDate")
    studies = _table(release, "chexpert", *KEYS, *OBSERVATIONS)
    split = _table(release, "split", "dicom_id", "split").set_index("dicom_id")["split"]
    studies = studies[KEYS].join(label_observations(studies, uncertain))
    rows = images.merge(studies, on=KEYS, how="left")
    rows = _manifest_rows(rows, split, release)
    return release.manifest(rows, rule(uncertain), citation=CITATION, views=views)


def _table(release: Release, name: str, *columns: str) -> pd.DataFrame:
    path = release.file(f"mimic-cxr-2.0.0-{name}.csv.gz", f"mimic-cxr-2*-{name}.csv*")
    return release.table(path, *columns)


def _manifest_rows(images: pd.DataFrame, split: pd.Series, release: Release) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": images["dicom_id"],
            "path": release.images.find(images["dicom_id"] + ".jpg"),
            "label": images["label"],
            "finding": images["finding"].fillna(""),
            "patient_id": "p" + images["subject_id"],
            "study_id": "s" + images["study_id"],
            "view": views(images["ViewPosition"]),
            "split": images["dicom_id"].map(split).map(SPLITS).fillna(""),
            "shifted_date": images["StudyDate"],
        }
    )
