from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from medcnn.data.sources.padchest import TABLE, finding_names, read
from medcnn.errors import ConfigError, DataError

REPORTS = (
    ("['normal']", "PA", "Physician"),
    ("['pleural effusion', ' cardiomegaly', '']", "AP_horizontal", "RNN_model"),
    ("['normal']", "L", "Physician"),
    ("['pacemaker']", "PA", "RNN_model"),
    ("['COPD signs', 'unchanged']", "PA", "Physician"),
    ("nan", "PA", "RNN_model"),
)


def imitation(root: Path, write_image, images: int = 12) -> Path:
    """Write BIMCV's table, whose first column has no name, and the images in numbered folders."""
    rows = []
    for i in range(images):
        labels, projection, method = REPORTS[i % 6]
        name, folder = f"{2164 + i}_{i}_{i:06d}.png", str(i % 3)
        write_image(root / folder / name)
        rows.append(
            {
                "": str(i),
                "ImageID": name,
                "ImageDir": folder,
                "StudyDate_DICOM": "20140915",
                "StudyID": f"study{i}",
                "PatientID": f"839860{i // 2:012d}",
                "PatientBirth": "1930.0" if i else "",
                "PatientSex_DICOM": "F" if i % 2 else "M",
                "Projection": projection,
                "MethodLabel": method,
                "Labels": labels,
            }
        )
    pd.DataFrame(rows).to_csv(root / TABLE, index=False)
    return root


def test_manifest(tmp_path, write_image):
    manifest = read(imitation(tmp_path, write_image))
    rows = manifest.table
    assert rows["label"].tolist() == [0, 1, 1] * 2
    assert rows["view"].tolist() == ["PA", "AP", "PA"] * 2
    assert rows["finding"].tolist()[:3] == [
        *("normal", "pleural effusion|cardiomegaly", "COPD signs|unchanged"),
    ]
    assert rows["age"].isna().tolist() == [True] + [False] * 5
    assert rows["age"].iloc[1] == 84.0
    assert rows["patient_id"].iloc[0] == "839860000000000000"
    assert "LATERAL (2)" in manifest.warnings[0]
    assert "4 of 10 images are neither" in manifest.warnings[1]


def test_images_that_were_monochrome1_are_said(tmp_path, write_image):
    path = imitation(tmp_path, write_image) / TABLE
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert not any("MONOCHROME1" in text for text in read(tmp_path).warnings)
    table["PhotometricInterpretation_DICOM"] = ["MONOCHROME1", "MONOCHROME2"] * 6
    table.to_csv(path, index=False)
    assert "6 of 12 images were MONOCHROME1" in read(tmp_path).warnings[0]


def test_a_physicians_labels_alone(tmp_path, write_image):
    manifest = read(imitation(tmp_path, write_image), labelled_by="physician", views="all")
    assert set(manifest.table["labelled_by"]) == {"Physician"}
    assert len(manifest) == 6
    assert manifest.warnings[0] == "padchest: 6 images labelled by a network were left out."


def test_the_packed_table(tmp_path, write_image):
    imitation(tmp_path, write_image)
    table = pd.read_csv(tmp_path / TABLE, dtype=str, keep_default_na=False)
    table.to_csv(tmp_path / f"{TABLE}.gz", index=False)
    (tmp_path / TABLE).unlink()
    assert len(read(tmp_path)) == 6


@pytest.mark.parametrize("text", ["nan", "", "[", "{'a': 1}", "[]"])
def test_no_list_of_labels_is_no_finding(text):
    assert finding_names(text) == ""


def test_faults(tmp_path, write_image):
    imitation(tmp_path, write_image)
    with pytest.raises(ConfigError, match="all or physician"):
        read(tmp_path, labelled_by="me")
    (tmp_path / TABLE).unlink()
    with pytest.raises(DataError, match="padchest lacks a table"):
        read(tmp_path)
