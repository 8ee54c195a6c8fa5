"""The SIIM-ACR Pneumothorax Segmentation challenge of 2019.

Layout: ``train-rle.csv`` (``ImageId, EncodedPixels``, which is -1 without a pneumothorax) or Kaggle's
``stage_2_train.csv``, and ``dicom-images-train/<study>/<series>/<ImageId>.dcm``.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medcnn.data.manifest import Manifest
from medcnn.data.sources.release import Release
from medcnn.notices import Notice

EXPECTED = "train-rle.csv and dicom-images-train/"
NO_MASK = "-1"
RULE = "abnormal if a pneumothorax is outlined; normal here means no pneumothorax, nothing more"
CITATION = (
    "Society for Imaging Informatics in Medicine and American College of Radiology, SIIM-ACR "
    "Pneumothorax Segmentation, Kaggle, 2019"
)
ONE_FINDING = Notice("one_finding")


def read(root: str | Path) -> Manifest:
    """Return the manifest of the challenge's training images; its test images have no labels.

    Raises:
        DataError: If the folder, the table or one of its columns is missing, or no image is there.
    """
    release = Release("siim", root, EXPECTED)
    path = release.file("train-rle.csv", "train-rle*.csv", "stage_2_train.csv")
    masks = release.table(path, "ImageId", "EncodedPixels")
    drawn = masks["EncodedPixels"].str.strip().ne(NO_MASK).groupby(masks["ImageId"], sort=False)
    rows = drawn.agg(["any", "sum"]).rename_axis("image_id").reset_index()
    rows = pd.DataFrame(
        {
            "image_id": rows["image_id"],
            "path": release.images.find(rows["image_id"] + ".dcm"),
            "label": rows["any"].astype(int),
            "finding": rows["any"].map({True: "Pneumothorax", False: ""}),
            "outlines": rows["sum"].astype(int),
        }
    )
    return release.manifest(rows, RULE, citation=CITATION, warnings=[ONE_FINDING])
