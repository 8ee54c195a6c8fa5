"""MIMIC-CXR-JPG 2.0.0 and 2.1.0, as PhysioNet releases it.

Layout: ``mimic-cxr-2.0.0-{metadata,chexpert,split}.csv.gz`` and
``files/p10/p10000032/s50414267/<dicom_id>.jpg``.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medcnn.data.manifest import Manifest
from medcnn.data.sources.chexpert_labels import OBSERVATIONS, label_observations, rule
from medcnn.data.sources.completion import complete_manifest
from medcnn.data.sources.findings import labelled
from medcnn.data.sources.layout import (
    ImageIndex,
    present,
    release_file,
    release_folder,
    release_table,
)
from medcnn.data.sources.metadata import chosen_views, views

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
    folder = release_folder(root, "mimic_cxr", EXPECTED)
    images = _table(folder, "metadata", ("dicom_id", *KEYS, "ViewPosition", "StudyDate"))
    studies = _table(folder, "chexpert", (*KEYS, *OBSERVATIONS))
    split = _table(folder, "split", ("dicom_id", "split")).set_index("dicom_id")["split"]
    studies = studies[KEYS].join(label_observations(studies, uncertain))
    rows = images.merge(studies, on=KEYS, how="left")
    index = ImageIndex(folder)
    rows = _manifest_rows(rows, split, index)
    rows, other_views = chosen_views(rows, "mimic_cxr", views, index.left_out)
    rows, absent = present(rows, "mimic_cxr", index)
    found = labelled(rows, "mimic_cxr", rule(uncertain), left_out=index.left_out)
    return complete_manifest(
        found.table,
        source="mimic_cxr",
        label_policy=found.policy,
        citation=CITATION,
        left_out=index.left_out,
        warnings=[*other_views, *absent, *found.warnings],
    )


def _table(folder: Path, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    path = release_file(
        folder, "mimic_cxr", f"mimic-cxr-2.0.0-{name}.csv.gz", f"mimic-cxr-2*-{name}.csv*"
    )
    return release_table(path, columns, "mimic_cxr")


def _manifest_rows(images: pd.DataFrame, split: pd.Series, index: ImageIndex) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": images["dicom_id"],
            "path": index.find(images["dicom_id"] + ".jpg"),
            "label": images["label"],
            "finding": images["finding"].fillna(""),
            "patient_id": "p" + images["subject_id"],
            "study_id": "s" + images["study_id"],
            "view": views(images["ViewPosition"]),
            "split": images["dicom_id"].map(split).map(SPLITS).fillna(""),
            "shifted_date": images["StudyDate"],
        }
    )
