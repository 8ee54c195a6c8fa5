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
from medcnn.data.sources.metadata import ages, sexes, views
from medcnn.data.sources.release import Release

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
    release = Release("chexpert", root, EXPECTED, parts=PARTS)
    tables = _tables(release).items()
    rows = pd.concat(
        [_split_rows(release, path, split, uncertain) for split, path in tables], ignore_index=True
    )
    return release.manifest(rows, rule(uncertain), citation=CITATION, views=views)


def _tables(release: Release) -> dict[str, Path]:
    """Return the table of each split that is there; train.csv has to be."""
    tables = {"train": release.file("train.csv", "*/train.csv")}
    for split, names in FURTHER.items():
        beside = (tables["train"].with_name(name) for name in names)
        path = next((path for path in beside if path.is_file()), None)
        if path is not None:
            tables[split] = path
    return tables


def _split_rows(release: Release, path: Path, split: str, uncertain: str) -> pd.DataFrame:
    table = release.table(path, "Path", *OBSERVATIONS)
    parts = table["Path"].str.replace("\\", "/", regex=False).str.split("/").str[-PARTS:]
    patient = parts.str[0]
    empty = pd.Series("", table.index)
    # The column AP/PA is blank for lateral images, whose file name says what they are.
    lateral = parts.str[-1].str.contains("lateral")
    return pd.DataFrame(
        {
            "image_id": parts.str.join("/"),
            "path": release.images.find(parts.str.join("/")),
            **label_observations(table, uncertain),
            "patient_id": patient,
            "study_id": patient + "/" + parts.str[1],
            "view": views(table.get("AP/PA", empty)).mask(lateral, "LATERAL"),
            "split": split,
            "age": ages(table.get("Age", empty)),
            "sex": sexes(table.get("Sex", empty)),
        }
    )
