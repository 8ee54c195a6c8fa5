"""NIH ChestX-ray14, as the NIH Clinical Center releases it.

Layout: ``Data_Entry_2017.csv`` or ``Data_Entry_2017_v2020.csv``, ``train_val_list.txt`` and
``test_list.txt``, and the images anywhere below (``images_001/images/00000001_000.png`` …, or all in
``images/``).
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medcnn.data.manifest import Manifest
from medcnn.data.sources.metadata import ages, sexes, views
from medcnn.data.sources.release import Release

EXPECTED = "Data_Entry_2017*.csv, test_list.txt, train_val_list.txt and images_001/ to images_012/"
TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017*.csv", "sample_labels.csv")
COLUMNS = ("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age")
SPLIT_LISTS = {"test": "test_list.txt", "train": "train_val_list.txt"}
RULE = "abnormal if any of the 14 findings mined from the report is listed, normal if No Finding is"
CITATION = (
    "Wang et al., ChestX-ray8: Hospital-Scale Chest X-Ray Database and Benchmarks on Weakly-"
    "Supervised Classification and Localization of Common Thorax Diseases, CVPR 2017"
)


def read(root: str | Path, official_split: bool = True) -> Manifest:
    """Return the manifest of ChestX-ray14.

    Args:
        root: The folder of the release.
        official_split: Whether to keep the published test list; its patients are in no other list.
            Validation is drawn from the rest.

    Raises:
        DataError: If the folder, the table or one of its columns is missing, or no image is there.
    """
    release = Release("nih", root, EXPECTED)
    entries = release.table(release.file(*TABLES), *COLUMNS)
    split, warnings = _splits(release.folder) if official_split else ({}, [])
    patient = entries["Patient ID"].str.strip()
    rows = pd.DataFrame(
        {
            "image_id": entries["Image Index"],
            "path": release.images.find(entries["Image Index"]),
            "finding": entries["Finding Labels"],
            "patient_id": patient,
            "study_id": patient + "_" + entries["Follow-up #"].str.strip(),
            "view": views(entries.get("View Position", pd.Series("", entries.index))),
            "split": [split.get(name, "") for name in entries["Image Index"]],
            "age": ages(entries["Patient Age"]),
            "sex": sexes(_sex(entries)),
        }
    )
    return release.manifest(rows, RULE, citation=CITATION, warnings=warnings)


def _sex(entries: pd.DataFrame) -> pd.Series:
    # The release of 2020 renamed the column.
    empty = pd.Series("", entries.index)
    return entries.get("Patient Gender", entries.get("Patient Sex", empty))


def _splits(folder: Path) -> tuple[dict[str, str], list[str]]:
    missing = [file for file in SPLIT_LISTS.values() if not (folder / file).is_file()]
    if SPLIT_LISTS["test"] in missing:
        text = f"nih: {' and '.join(missing)} is not there, so the split is drawn by patient."
        return {}, [text]
    there = {name: file for name, file in SPLIT_LISTS.items() if file not in missing}
    lists = {name: (folder / file).read_text("utf-8").split() for name, file in there.items()}
    return {image: name for name, images in lists.items() for image in images}, []
