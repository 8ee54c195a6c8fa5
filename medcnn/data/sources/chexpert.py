"""CheXpert, full size or small, as Stanford AIMI releases it.

Layout: ``train.csv`` and ``valid.csv`` (and ``test.csv`` or ``test_labels.csv`` where the test set was
downloaded), and the images in
``train/patient00001/study1/view1_frontal.jpg`` or, in the full release, in a folder for each batch.
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
from medcnn.data.sources.metadata import ages, chosen_views, sexes, views

EXPECTED = "train.csv, valid.csv and the folders train/ and valid/"
FURTHER = {"val": ("valid.csv", "val_labels.csv"), "test": ("test.csv", "test_labels.csv")}
CITATION = (
    "Irvin et al., CheXpert: A Large Chest Radiograph Dataset with Uncertainty Labels and Expert "
    "Comparison, AAAI 2019"
)
PARTS = 3
"""Components of a path that name an image: patient, study and view."""


def read(root: str | Path, uncertain: str = "u_ones", views: str = "frontal") -> Manifest:
    """Return the manifest of CheXpert.

    Args:
        root: The folder of the release.
        uncertain: What uncertain findings count as: ``u_ones`` present (a report that raises a
            pathology is not a normal one), ``u_zeros`` absent, or ``u_ignore``.
        views: ``frontal`` or ``all``.

    Raises:
        ConfigError: If an option is not one of its choices.
        DataError: If the folder, a table or one of its columns is missing, or no image is there.
    """
    folder = release_folder(root, "chexpert", EXPECTED)
    index = ImageIndex(folder, PARTS)
    rows = pd.concat(
        [_split_rows(path, split, index, uncertain) for split, path in _tables(folder).items()],
        ignore_index=True,
    )
    rows, other_views = chosen_views(rows, "chexpert", views, index.left_out)
    rows, absent = present(rows, "chexpert", index)
    found = labelled(rows, "chexpert", rule(uncertain), left_out=index.left_out)
    return complete_manifest(
        found.table,
        source="chexpert",
        label_policy=found.policy,
        citation=CITATION,
        left_out=index.left_out,
        warnings=[*other_views, *absent, *found.warnings],
    )


def _tables(folder: Path) -> dict[str, Path]:
    """Return the table of each split that is there; train.csv has to be."""
    tables = {"train": release_file(folder, "chexpert", "train.csv", "*/train.csv")}
    for split, names in FURTHER.items():
        beside = (tables["train"].with_name(name) for name in names)
        path = next((path for path in beside if path.is_file()), None)
        if path is not None:
            tables[split] = path
    return tables


def _split_rows(path: Path, split: str, index: ImageIndex, uncertain: str) -> pd.DataFrame:
    table = release_table(path, ("Path", *OBSERVATIONS), "chexpert")
    parts = table["Path"].str.replace("\\", "/", regex=False).str.split("/").str[-PARTS:]
    patient = parts.str[0]
    empty = pd.Series("", table.index)
    # The column AP/PA is blank for lateral images, whose file name says what they are.
    lateral = parts.str[-1].str.contains("lateral")
    return pd.DataFrame(
        {
            "image_id": parts.str.join("/"),
            "path": index.find(parts.str.join("/")),
            **label_observations(table, uncertain),
            "patient_id": patient,
            "study_id": patient + "/" + parts.str[1],
            "view": views(table.get("AP/PA", empty)).mask(lateral, "LATERAL"),
            "split": split,
            "age": ages(table.get("Age", empty)),
            "sex": sexes(table.get("Sex", empty)),
        }
    )
