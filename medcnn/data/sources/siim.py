"""The SIIM-ACR Pneumothorax Segmentation challenge of 2019.

Layout: ``train-rle.csv`` (``ImageId, EncodedPixels``, which is -1 without a pneumothorax) or Kaggle's
``stage_2_train.csv``, and ``dicom-images-train/<study>/<series>/<ImageId>.dcm``.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medcnn.data.manifest import Manifest
from medcnn.data.sources.completion import complete_manifest
from medcnn.data.sources.findings import labelled
from medcnn.data.sources.layout import (
    ImageIndex,
    present,
    release_file,
    release_folder,
    release_table,
)
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
    folder = release_folder(root, "siim", EXPECTED)
    path = release_file(folder, "siim", "train-rle.csv", "train-rle*.csv", "stage_2_train.csv")
    masks = release_table(path, ("ImageId", "EncodedPixels"), "siim")
    drawn = masks["EncodedPixels"].str.strip().ne(NO_MASK).groupby(masks["ImageId"], sort=False)
    rows = drawn.agg(["any", "sum"]).rename_axis("image_id").reset_index()
    index = ImageIndex(folder)
    rows = pd.DataFrame(
        {
            "image_id": rows["image_id"],
            "path": index.find(rows["image_id"] + ".dcm"),
            "label": rows["any"].astype(int),
            "finding": rows["any"].map({True: "Pneumothorax", False: ""}),
            "outlines": rows["sum"].astype(int),
        }
    )
    rows, absent = present(rows, "siim", index)
    found = labelled(rows, "siim", RULE, left_out=index.left_out)
    return complete_manifest(
        found.table,
        source="siim",
        label_policy=found.policy,
        citation=CITATION,
        left_out=index.left_out,
        warnings=[ONE_FINDING, *absent, *found.warnings],
    )
