"""Any folder of DICOM, PNG, JPEG, TIFF or BMP files with one sub-folder per class.

A level ``train/ val/ test/`` above the classes is optional. DICOM headers are read for the patient,
the study, the view, sex and age; a raster file counts as its own patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from medcnn.data.manifest import Manifest
from medcnn.data.sources.class_names import class_labels
from medcnn.data.sources.completion import complete_manifest
from medcnn.data.sources.layout import image_files, release_folder, sub_folders
from medcnn.errors import DataError

EXPECTED = "one sub-folder per class (such as normal/ and abnormal/), with or without train/ above"
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def read(root: str | Path, normal: Sequence[str] = (), abnormal: Sequence[str] = ()) -> Manifest:
    """Return the manifest of a folder of class folders.

    Args:
        root: The folder.
        normal: Names of class folders that are normal, beside the well-known ones.
        abnormal: Names of class folders that are abnormal, beside the well-known ones.

    Raises:
        DataError: If the folder is missing, has no class folders, a class name means neither normal
            nor abnormal, or a class has no images.
    """
    folder = release_folder(root, "folder", EXPECTED)
    splits = {p: SPLIT_NAMES.get(p.name.lower(), "") for p in sub_folders(folder)}
    places = {p: s for p, s in splits.items() if s} or {folder: ""}
    strays = [p.name for p, s in splits.items() if not s] if folder not in places else []
    meaning = class_labels(_class_names(folder, places), normal, abnormal)
    rows: list[dict[str, object]] = []
    warnings = [f"folder: {', '.join(strays)} beside the splits was left out."] if strays else []
    for place, split in places.items():
        for class_folder in sub_folders(place):
            label = meaning[class_folder.name]
            rows += _class_rows(folder, class_folder, label, split)
    abnormal_names = sorted(n for n, label in meaning.items() if label)
    normal_names = sorted(n for n, label in meaning.items() if not label)
    return complete_manifest(
        pd.DataFrame(rows, columns=None if rows else ["image_id", "path", "label"]),
        source="folder",
        label_policy=f"class folders {', '.join(abnormal_names)} are abnormal, "
        f"{', '.join(normal_names)} normal",
        warnings=warnings,
    )


def _class_names(folder: Path, places: Iterable[Path]) -> list[str]:
    names = list(dict.fromkeys(p.name for place in places for p in sub_folders(place)))
    if len(names) >= 2:
        return names
    raise DataError(
        f"{folder} does not hold one sub-folder per class.",
        expected=EXPECTED,
        found=f"the sub-folder {names[0]} only" if names else "no class folders",
        remedy="sort the images into class folders, or write a manifest and use data=manifest",
    )


def _class_rows(root: Path, folder: Path, label: int, split: str) -> list[dict[str, object]]:
    files = image_files(folder)
    if not files:
        raise DataError(
            f"The class folder {folder} has no images.",
            expected="DICOM, PNG, JPEG, TIFF or BMP files",
            found=f"{sum(p.is_file() for p in folder.rglob('*'))} other files",
            remedy="remove the folder or fill it",
        )
    return [
        {
            "image_id": path.relative_to(root).as_posix(),
            "path": str(path),
            "label": label,
            "split": split,
            "finding": "" if label == 0 else folder.name,
        }
        for path in files
    ]
