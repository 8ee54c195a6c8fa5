"""The RSNA Pneumonia Detection Challenge of 2018, stage 2, as Kaggle releases it.

Layout: ``stage_2_detailed_class_info.csv``, ``stage_2_train_labels.csv`` and
``stage_2_train_images/<patientId>.dcm``. The release's ``patientId`` numbers images, not patients:
the images come from ChestX-ray14, and ``pneumonia-challenge-dataset-mappings_2018.json``, which RSNA
publishes beside it, says from which patient.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from medcnn.data.manifest import Manifest
from medcnn.data.sources.release import Release
from medcnn.errors import DataError
from medcnn.notices import Notice

EXPECTED = "stage_2_detailed_class_info.csv, stage_2_train_labels.csv and stage_2_train_images/"
CLASSES = ("Normal", "Lung Opacity", "No Lung Opacity / Not Normal")
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
RULE = (
    "the radiologists' class Normal is normal; Lung Opacity and No Lung Opacity / Not Normal are "
    "abnormal"
)
CITATION = (
    "Shih et al., Augmenting the National Institutes of Health Chest Radiograph Dataset with Expert "
    "Annotations of Possible Pneumonia, Radiology: Artificial Intelligence 1(1), 2019"
)
NO_MAPPING = Notice("no_mapping", file=MAPPING)


def read(root: str | Path) -> Manifest:
    """Return the manifest of the challenge's training images; its test images have no labels.

    With the mapping file, patients are those of ChestX-ray14, named ``nih/<number>`` so that they
    stay together with that source's.

    Raises:
        DataError: If the folder, a table or one of its columns is missing, a class is unknown, or no
            image is there.
    """
    release = Release("rsna", root, EXPECTED)
    classes = _classes(release)
    rows = pd.DataFrame({"image_id": classes.index, "finding": classes.to_numpy()})
    rows["path"] = release.images.find(rows["image_id"] + ".dcm")
    patients = _patients(release.folder)
    rows["patient_id"] = [patients.get(image) for image in rows["image_id"]]
    return release.manifest(
        rows,
        RULE,
        citation=CITATION,
        identity=False,  # the header repeats the name of the image
        warnings=[] if patients else [NO_MAPPING],
    )


def _classes(release: Release) -> pd.Series:
    """Return the class of each image, checked against the boxes of the label table."""
    path = release.file("stage_2_detailed_class_info.csv")
    table = release.table(path, "patientId", "class")
    unknown = sorted(set(table["class"]) - set(CLASSES))
    if unknown:
        raise DataError(
            f"{path} names a class {unknown[0]!r}.",
            expected=", ".join(CLASSES),
            found=repr(unknown[0]),
            remedy="download the table again",
        )
    classes = table.drop_duplicates().set_index("patientId")["class"]
    targets = release.table(release.file("stage_2_train_labels.csv"), "patientId", "Target")
    boxed = set(targets["patientId"][targets["Target"].eq("1")])
    disagree = classes.index.duplicated() | (
        classes.eq("Lung Opacity").to_numpy() != classes.index.isin(boxed)
    )
    if disagree.any():
        raise DataError(
            f"The two tables of rsna disagree on {int(disagree.sum())} images.",
            expected="class Lung Opacity exactly where Target is 1",
            found=f"{classes.index[disagree][0]}: class {classes[disagree].iloc[0]!r}",
            remedy="download both tables of the same stage",
        )
    return classes


def _patients(folder: Path) -> dict[str, str]:
    """Return the ChestX-ray14 patient of each image; empty without the mapping file."""
    path = folder / MAPPING
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        # 00000013_004.png is image 4 of patient 13, whom ChestX-ray14's table calls 13.
        return {e["subset_img_id"]: f"nih/{int(e['img_id'].split('_')[0])}" for e in entries}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is not RSNA's mapping to ChestX-ray14.",
            expected="a list of entries with img_id and subset_img_id",
            found=f"{type(error).__name__}: {error}",
            remedy="download it again, or take it away",
        ) from error
