"""Kermany's paediatric pneumonia radiographs, the Kaggle ``chest_xray`` release.

Layout: any of ``train/ val/ test/`` with ``NORMAL/`` and ``PNEUMONIA/`` below. The val/ of
Kaggle's copy holds 16 images, too few to choose an epoch or a threshold by; they count as training
images, and val is carved out of those by patient.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from medcnn.data.manifest import SPLITS, Manifest
from medcnn.data.sources.completion import complete_manifest
from medcnn.data.sources.findings import labelled
from medcnn.data.sources.layout import image_files, release_folder, sub_folders
from medcnn.errors import DataError, nearest
from medcnn.io.choice import images_below

LABELS = {"NORMAL": 0, "PNEUMONIA": 1}
EXPECTED = "any of train/, val/, test/ with NORMAL/ and PNEUMONIA/ below"
RULE = "folder PNEUMONIA (bacterial or viral) is abnormal, folder NORMAL is normal"
CITATION = (
    "Kermany et al., Identifying Medical Diagnoses and Treatable Diseases by Image-Based Deep "
    "Learning, Cell 172(5), 2018"
)
PNEUMONIA_NAME = re.compile(r"(person\d+_(?:bacteria|virus))_\d+")
LEAST_VAL = 100  # the standard error of a sensitivity of 0.95 among 50 is 0.03
NORMAL_NAME = re.compile(r"((?:NORMAL2-)?IM-\d+)-\d+")


def read(root: str | Path) -> Manifest:
    """Return the manifest of a ``chest_xray`` folder.

    A split that the folder lacks stays absent; the images keep the split of their folder, but for a
    val/ of fewer than ``LEAST_VAL`` images beside train/, which is joined to it with a warning.

    Raises:
        DataError: If the folder is missing or empty, has another layout, or a class is absent.
    """
    folder = _unwrapped(release_folder(root, "chest_xray", EXPECTED, unwrap=False))
    splits = _split_folders(folder)
    table = pd.DataFrame([row for split in splits for row in _split_rows(folder, split)])
    images, left_out = images_below(folder)
    if len(images) > len(table):
        left_out["beside NORMAL/ and PNEUMONIA/"] = len(images) - len(table)
    joined = _join_small_val(table)
    found = labelled(table, "chest_xray", RULE)
    return complete_manifest(
        found.table,
        source="chest_xray",
        label_policy=found.policy,
        citation=CITATION,
        left_out=left_out,
        warnings=(*joined, *found.warnings),
    )


def patient_of(stem: str) -> str:
    """Return the patient of a file name without its suffix.

    Pneumonia is numbered apart for bacteria and viruses, so the type belongs to the identity.
    ``IM-0383`` and ``NORMAL2-IM-0383`` count as two children: they are two series with their own
    numbering (115-766 and 383-1423), and over the 211 numbers that both share, images correlate
    across the series no more than images of any two children (median 0.747 against 0.744).

    >>> patient_of("person12_virus_46"), patient_of("NORMAL2-IM-0435-0001-0002")
    ('person12_virus', 'NORMAL2-IM-0435')
    """
    match = PNEUMONIA_NAME.match(stem) or NORMAL_NAME.match(stem)
    return match[1] if match else stem


def _unwrapped(folder: Path) -> Path:
    """Return the folder that holds the splits: the Kaggle archive wraps it once or twice more."""
    if (folder / "chest_xray").is_dir() and folder.name != "chest_xray":
        return _unwrapped(folder / "chest_xray")
    inner = sub_folders(folder)
    if len(inner) == 1 and any((inner[0] / split).is_dir() for split in SPLITS):
        return inner[0]
    return folder


def _split_folders(folder: Path) -> list[str]:
    names = [path.name for path in sub_folders(folder)]
    splits = [name for name in SPLITS if name in names]
    if splits:
        return splits
    guess = next((g for g in (nearest(split, names) for split in SPLITS) if g), None)
    found = ", ".join(names) or "no sub-folders"
    raise DataError(
        f"{folder} is not laid out like chest_xray.",
        expected=EXPECTED,
        found=f"{found} ({guess!r} is the nearest name)" if guess else found,
        remedy="give the folder that holds train/, or use data=folder for class folders alone",
    )


def _join_small_val(table: pd.DataFrame) -> list[str]:
    small = table["split"].eq("val")
    if not 0 < small.sum() < LEAST_VAL or not table["split"].eq("train").any():
        return []
    table.loc[small, "split"] = "train"
    return [
        f"chest_xray: val/ holds {small.sum()} images, too few to choose a threshold by; they count as "
        "training images, and a validation split was carved out of these by patient."
    ]


def _split_rows(root: Path, split: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    names = [path.name for path in sub_folders(root / split)]
    for name, label in LABELS.items():
        files = image_files(root / split / name) if name in names else []
        if not files:
            guess = nearest(name, names)
            raise DataError(
                f"{root / split} has no images of the class {name}.",
                expected=f"{split}/NORMAL and {split}/PNEUMONIA, each with JPEG files",
                found=", ".join(names) or "no sub-folders",
                remedy=f"is {guess!r} meant to be {name!r}?"
                if guess and guess != name
                else "download the release again",
            )
        rows += [_row(root, path, split, label) for path in files]
    return rows


def _row(root: Path, path: Path, split: str, label: int) -> dict[str, object]:
    patient = patient_of(path.stem)
    kind = patient.rpartition("_")[2]
    return {
        "image_id": path.relative_to(root).as_posix(),
        "path": str(path),
        "label": label,
        "patient_id": patient,
        "view": "AP",
        "split": split,
        "finding": f"{kind} pneumonia" if kind in ("bacteria", "virus") else "",
    }
