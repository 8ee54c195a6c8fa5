"""VinDr-CXR, as PhysioNet releases it, or its training part as Kaggle's VinBigData challenge does.

Layout: ``annotations/image_labels_{train,test}.csv`` and ``{train,test}/<image_id>.dicom``. Training
images were read by three radiologists each (``rad_id``); the test labels are the consensus of five.
Kaggle's ``train.csv`` has a row for each box (``image_id, class_name, rad_id``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from medcnn.data.manifest import Manifest
from medcnn.data.sources.findings import canonical, kind
from medcnn.data.sources.metadata import check_choice
from medcnn.data.sources.release import Release

Readers = Literal["majority", "any", "all"]

EXPECTED = "annotations/image_labels_train.csv, annotations/image_labels_test.csv, train/ and test/"
CONSENSUS = "consensus"
RULE = "an image is abnormal if {} of its readers found any abnormality"
WORDS = {"majority": "at least half", "any": "any", "all": "every one"}
CITATION = (
    "Nguyen et al., VinDr-CXR: An open dataset of chest X-rays with radiologist's annotations, "
    "Scientific Data 9, 429, 2022"
)


def read(root: str | Path, readers: str = "majority") -> Manifest:
    """Return the manifest of VinDr-CXR; the published test images stay test.

    Args:
        root: The folder of the release.
        readers: How several readers make one label: ``majority`` (a tie is abnormal), ``any`` or
            ``all``. The column ``agreement`` is the share of readers who gave that label.

    Raises:
        ConfigError: If ``readers`` is not one of its choices.
        DataError: If the folder, a table or one of its columns is missing, or no image is there.
    """
    check_choice(readers, "readers", get_args(Readers))
    release = Release("vindr", root, EXPECTED)
    path = release.file("annotations/image_labels_train.csv", "image_labels_train.csv", "train.csv")
    tables = {"train": path, "test": path.with_name("image_labels_test.csv")}
    rows = pd.concat(
        [
            combine(readings(release, file), readers).assign(split=split)
            for split, file in tables.items()
            if file.is_file()
        ],
        ignore_index=True,
    )
    rows["path"] = release.images.find(rows["image_id"] + ".dicom")
    # The header repeats the name of the image.
    rule = RULE.format(WORDS[readers])
    return release.manifest(rows, rule, citation=CITATION, identity=False)


def readings(release: Release, path: Path) -> pd.DataFrame:
    """Return one row for each finding of each reading: ``image_id, reader, finding``."""
    table = release.table(path, "image_id")
    if "class_name" in table:
        long = table[["image_id", "rad_id", "class_name"]].set_axis(
            ["image_id", "reader", "finding"], axis=1
        )
        return long.drop_duplicates(ignore_index=True)
    if "rad_id" not in table:
        table["rad_id"] = CONSENSUS
    long = table.rename(columns={"rad_id": "reader"}).melt(
        ["image_id", "reader"], var_name="finding", value_name="marked", ignore_index=False
    )
    long = long[pd.to_numeric(long["marked"], errors="coerce") == 1].sort_index(kind="stable")
    return long[["image_id", "reader", "finding"]].reset_index(drop=True)


def combine(found: pd.DataFrame, readers: str) -> pd.DataFrame:
    """Return ``image_id, label, finding, agreement`` from the readings of several readers."""
    # A reader who marks nothing but No finding says normal.
    meaning = {name: kind(name) == "abnormal" for name in found["finding"].unique()}
    abnormal = found["finding"].map(meaning)
    share = (
        abnormal.groupby([found["image_id"], found["reader"]], sort=False)
        .any()
        .groupby(level=0, sort=False)
        .mean()
    )
    limits = {"majority": share >= 0.5, "any": share > 0, "all": share == 1}
    label = limits[readers].astype(int)
    # The findings are those of the side that won.
    won = abnormal == found["image_id"].map(label).astype(bool)
    names = found[won].drop_duplicates(["image_id", "finding"])
    # "Other disease" is the test table's spelling of the training table's "Other diseases".
    spelt = names["finding"].map(
        lambda name: "Other diseases" if canonical(name) == "other disease" else name
    )
    return (
        pd.DataFrame(
            {
                "label": label,
                "finding": spelt.groupby(names["image_id"], sort=False).agg("|".join),
                "agreement": (label * share + (1 - label) * (1 - share)).round(4),
            }
        )
        .reindex(label.index)
        .rename_axis("image_id")
        .reset_index()
    )
