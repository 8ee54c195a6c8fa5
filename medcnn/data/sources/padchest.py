"""PadChest, as BIMCV releases it.

Layout: ``PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv`` and the images in ``0/`` to ``54/``
(the column ``ImageDir``) or all together.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from medcnn.data.manifest import Manifest
from medcnn.data.sources.metadata import ages, check_choice, sexes, views
from medcnn.data.sources.release import Release
from medcnn.io.photometric import photometric_name
from medcnn.notices import Notice

LabelledBy = Literal["all", "physician"]

TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
EXPECTED = f"{TABLE} and the folders 0/ to 54/ of images"
COLUMNS = (
    "ImageID",
    "StudyDate_DICOM",
    "StudyID",
    "PatientID",
    "PatientBirth",
    "PatientSex_DICOM",
    "Projection",
    "MethodLabel",
    "Labels",
)
RULE = "abnormal if any of the radiographic findings of the report is, normal if it says normal"
CITATION = (
    "Bustos et al., PadChest: A large chest x-ray image dataset with multi-label annotated reports, "
    "Medical Image Analysis 66, 2020"
)


def read(root: str | Path, views: str = "frontal", labelled_by: str = "all") -> Manifest:
    """Return the manifest of PadChest.

    Args:
        root: The folder of the release.
        views: ``frontal`` or ``all``.
        labelled_by: ``all``, or ``physician`` for the quarter of the reports that physicians
            labelled; a recurrent network labelled the others.

    Raises:
        ConfigError: If an option is not one of its choices.
        DataError: If the folder, the table or one of its columns is missing, or no image is there.
    """
    check_choice(labelled_by, "labelled_by", get_args(LabelledBy))
    release = Release("padchest", root, EXPECTED)
    table = release.table(release.file(TABLE, f"{TABLE}.gz", "PADCHEST*.csv*"), *COLUMNS)
    rows = _manifest_rows(table, release)
    warnings = _of_photometric(table)
    if labelled_by == "physician":
        ours = rows["labelled_by"] == "Physician"
        warnings += [Notice("by_network", count=int((~ours).sum()))]
        release.images.left_out["labelled by a network"] += int((~ours).sum())
        rows = rows[ours].reset_index(drop=True)
    return release.manifest(rows, RULE, citation=CITATION, views=views, warnings=warnings)


def _of_photometric(table: pd.DataFrame) -> list[Notice]:
    """Return what is to be said of images that were MONOCHROME1: a PNG cannot say so itself."""
    column = table.get("PhotometricInterpretation_DICOM", pd.Series(dtype=str))
    count = int(column.map(photometric_name).eq("MONOCHROME1").sum())
    return [Notice("were_monochrome1", count=count, of=len(table))] if count else []


def _manifest_rows(table: pd.DataFrame, release: Release) -> pd.DataFrame:
    date = table["StudyDate_DICOM"]
    year = pd.to_numeric(date.str[:4], errors="coerce")
    birth = pd.to_numeric(table["PatientBirth"], errors="coerce")
    return pd.DataFrame(
        {
            "image_id": table["ImageID"],
            "path": release.images.find(table["ImageID"]),
            "finding": table["Labels"].map(finding_names),
            "patient_id": table["PatientID"],
            "study_id": table["StudyID"],
            "view": views(table["Projection"]),
            "age": ages(year - birth),
            "sex": sexes(table["PatientSex_DICOM"]),
            "date": date,
            "labelled_by": table["MethodLabel"],
        }
    )


def finding_names(text: str) -> str:
    """Return the release's list of labels with ``|`` between the names; empty for no list.

    >>> finding_names("['COPD signs', ' cardiomegaly', '']")
    'COPD signs|cardiomegaly'
    """
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return ""  # "nan": the report could not be labelled
    names = [str(name).strip() for name in names] if isinstance(names, list) else []
    return "|".join(dict.fromkeys(name for name in names if name))
