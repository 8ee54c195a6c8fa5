from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from medcnn.data.sources.chexpert_labels import OBSERVATIONS
from medcnn.data.sources.mimic_cxr import read
from medcnn.errors import ConfigError, DataError

STUDIES = (
    {"No Finding": "1.0"},
    {"Pleural Effusion": "1.0"},
    {"Edema": "-1.0"},
    {"No Finding": "1.0", "Support Devices": "1.0"},
    {"Edema": "0.0"},
)
SPLITS = ("train", "train", "validate", "test")


def imitation(root: Path, write_image, patients: int = 10) -> Path:
    """Write the tables and images of MIMIC-CXR-JPG: one study a patient, a frontal and a lateral."""
    metadata, chexpert, split = [], [], []
    for i in range(patients):
        subject, study = str(10000032 + i), str(50414267 + i)
        keys = {"subject_id": subject, "study_id": study}
        chexpert.append(keys | dict.fromkeys(OBSERVATIONS, "") | STUDIES[i % 5])
        for view in ("PA", "LATERAL") if i % 2 else ("AP",):
            dicom = f"{i:08x}-{view.lower():>08.8}-5b8f5d6b"
            write_image(root / "files" / f"p{subject[:2]}/p{subject}/s{study}/{dicom}.jpg")
            about = {"PerformedProcedureStepDescription": "CHEST", "ViewPosition": view}
            metadata.append({"dicom_id": dicom, **keys, **about, "StudyDate": "21800506"})
            split.append({"dicom_id": dicom, **keys, "split": SPLITS[i % 4]})
    # A study without a label: its report was not to be had.
    chexpert.pop()
    tables = {"metadata": metadata, "chexpert": chexpert, "split": split}
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(root / f"mimic-cxr-2.0.0-{name}.csv.gz", index=False)
    return root


def test_manifest(tmp_path, write_image):
    manifest = read(imitation(tmp_path, write_image))
    rows = manifest.table
    # Patients 4 (negative alone) and 9 (no report) have no label.
    assert rows["patient_id"].tolist() == [f"p{10000032 + i}" for i in (0, 1, 2, 3, 5, 6, 7, 8)]
    assert rows["label"].tolist() == [0, 1, 1, 0, 0, 1, 1, 0]
    assert rows["split"].tolist() == [
        *("train", "train", "val", "test"),
        *("train", "val", "test", "train"),
    ]
    assert rows["study_id"].iloc[0] == "s50414267"
    assert rows["view"].tolist() == ["AP", "PA", "AP", "PA", "PA", "AP", "PA", "AP"]
    assert rows["shifted_date"].eq("21800506").all()
    assert all(Path(path).is_file() for path in rows["path"])
    assert len(manifest.warnings) == 2
    assert "LATERAL (5)" in manifest.warnings[0]
    assert "2 of 10 images are neither normal nor abnormal" in manifest.warnings[1]


def test_options(tmp_path, write_image):
    imitation(tmp_path, write_image)
    assert read(tmp_path, views="all").table["view"].eq("LATERAL").sum() == 4
    assert read(tmp_path, uncertain="u_zeros").table["label"].tolist() == [0, 1, 0, 0, 0, 1, 0, 0]
    assert len(read(tmp_path, uncertain="u_ignore")) == 6
    with pytest.raises(ConfigError, match="u_ones or u_zeros or u_ignore"):
        read(tmp_path, uncertain="maybe")


def test_unpacked_tables(tmp_path, write_image):
    imitation(tmp_path, write_image)
    for path in tmp_path.glob("*.csv.gz"):
        pd.read_csv(path, dtype=str).to_csv(path.with_suffix(""), index=False)
        path.unlink()
    assert len(read(tmp_path)) == 8


def test_faults(tmp_path, write_image):
    imitation(tmp_path, write_image)
    packed = tmp_path / "mimic-cxr-2.0.0-split.csv.gz"
    content = packed.read_bytes()
    packed.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"split\.csv\.gz is not a readable CSV file"):
        read(tmp_path)
    packed.unlink()
    with pytest.raises(DataError, match=r"there is no mimic-cxr-2\.0\.0-split\.csv\.gz"):
        read(tmp_path)
