"""Any folder of DICOM, PNG, JPEG, TIFF or BMP files with one sub-folder per class.

A level ``train/ val/ test/`` above the classes is optional. DICOM headers are read for the patient,
the study, the view, sex and age; a raster file counts as its own patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from medcnn.data.manifest import Manifest, build_manifest
from medcnn.data.sources.headers import header_facts
from medcnn.data.sources.layout import image_files, release_folder, sub_folders
from medcnn.errors import DataError
from medcnn.io.names import is_dicom_name

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
NORMAL_NAMES = ("normal", "healthy", "negative", "no_finding", "nofinding", "no_findings", "0")
ABNORMAL_NAMES = (
    *("abnormal", "diseased", "disease", "positive", "pathological", "pathology", "1"),
    *(
        "pneumonia",
        "tuberculosis",
        "tb",
        "covid",
        "covid19",
        "covid_19",
        "lung_opacity",
        "effusion",
    ),
    *("nodule", "mass", "pneumothorax", "cardiomegaly", "consolidation", "viral_pneumonia"),
    *("bacterial_pneumonia", "atelectasis", "edema", "fibrosis", "emphysema", "infiltration"),
)


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
    return build_manifest(
        pd.DataFrame(rows, columns=None if rows else ["image_id", "path", "label"]),
        source="folder",
        label_policy=f"class folders {', '.join(abnormal_names)} are abnormal, "
        f"{', '.join(normal_names)} normal",
        warnings=warnings,
    )


def class_labels(
    names: Iterable[str], normal: Sequence[str] = (), abnormal: Sequence[str] = ()
) -> dict[str, int]:
    """Return the label of each class name: what the user said first, then the well-known names.

    >>> class_labels(["NORMAL", "Covid-19"])
    {'NORMAL': 0, 'Covid-19': 1}

    Raises:
        DataError: If a name is in both lists or its meaning is not known.
    """
    said = {_key(n): 0 for n in normal} | {_key(n): 1 for n in abnormal}
    both = {_key(n) for n in normal} & {_key(n) for n in abnormal}
    if both:
        raise DataError(
            f"The class {min(both)!r} is both normal and abnormal.",
            expected="each class folder in one of the two lists",
            remedy="take it out of source.normal or source.abnormal",
        )
    known = dict.fromkeys(NORMAL_NAMES, 0) | dict.fromkeys(ABNORMAL_NAMES, 1) | said
    names = list(names)
    unclear = [name for name in names if _key(name) not in known]
    if unclear:
        raise DataError(
            f"It is not clear whether the class folder {unclear[0]!r} is normal or abnormal.",
            expected=f"well-known names ({', '.join(NORMAL_NAMES[:4])}, abnormal, pneumonia, …)",
            found=", ".join(names),
            remedy=f"say it: 'data.source.abnormal=[{unclear[0]}]' or "
            f"'data.source.normal=[{unclear[0]}]'",
        )
    return {name: known[_key(name)] for name in names}


def _key(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


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
    # What has no readable header is reported when it is decoded.
    return [
        {
            "image_id": path.relative_to(root).as_posix(),
            "path": str(path),
            "label": label,
            "split": split,
            "finding": "" if label == 0 else folder.name,
        }
        | ((header_facts(path) if is_dicom_name(path.name) else None) or {})
        for path in files
    ]
