from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from medcnn.data.sources.vindr import combine, read
from medcnn.errors import ConfigError

FINDINGS = ("Aortic enlargement", "Cardiomegaly", "Nodule/Mass", "Other diseases", "No finding")
# The readings of three readers, image by image: positions in FINDINGS.
READINGS = (((4,), (4,), (4,)), ((0,), (0, 1), (4,)), ((2,), (4,), (4,)), ((3,), (3,), (3,)))


def imitation(root: Path, write_dicom, images: int = 8) -> Path:
    """Write PhysioNet's release: three readers for each training image, a consensus for test."""
    train, test = [], []
    for i in range(images):
        name = f"{i:032x}"
        for reader, marked in enumerate(READINGS[i % 4]):
            row = {name: int(k in marked) for k, name in enumerate(FINDINGS)}
            train.append({"image_id": name, "rad_id": f"R{8 + reader}", **row})
        write_dicom(root / "train" / f"{name}.dicom", PatientSex="F", PatientAge="061Y")
    spelt = [name.replace("diseases", "disease") for name in FINDINGS]
    for i in range(images // 2):
        name = f"{1000 + i:032x}"
        test.append({"image_id": name, **{n: int(k == 4 - i % 2) for k, n in enumerate(spelt)}})
        write_dicom(root / "test" / f"{name}.dicom")
    (root / "annotations").mkdir()
    pd.DataFrame(train).to_csv(root / "annotations/image_labels_train.csv", index=False)
    pd.DataFrame(test).to_csv(root / "annotations/image_labels_test.csv", index=False)
    return root


def test_manifest(tmp_path, write_dicom):
    manifest = read(imitation(tmp_path, write_dicom))
    rows = manifest.table
    assert rows["split"].tolist() == ["train"] * 8 + ["test"] * 4
    assert rows["label"].tolist() == [0, 1, 0, 1] * 2 + [0, 1] * 2
    assert rows["agreement"].tolist()[:4] == [1.0, 0.6667, 0.6667, 1.0]
    assert rows["finding"].tolist()[:4] == [
        *("No finding", "Aortic enlargement|Cardiomegaly"),
        *("No finding", "Other diseases"),
    ]
    assert rows["finding"].iloc[-1] == "Other diseases"  # spelt Other disease in the test table
    assert rows["age"].iloc[0] == 61.0
    assert rows["patient_id"].nunique() == 12
    assert "images name no patient" in manifest.warnings[-1]
    assert "at least half of its readers" in manifest.label_policy


@pytest.mark.parametrize(("readers", "labels"), [("any", [0, 1, 1, 1]), ("all", [0, 0, 0, 1])])
def test_other_ways_to_make_one_label(tmp_path, write_dicom, readers, labels):
    rows = read(imitation(tmp_path, write_dicom), readers=readers).table
    assert rows["label"].tolist()[:4] == labels


def test_a_tie_is_abnormal():
    found = pd.DataFrame(
        {"image_id": ["a", "a"], "reader": ["R1", "R2"], "finding": ["No finding", "ILD"]}
    )
    assert combine(found, "majority").iloc[0].to_dict() == {
        "image_id": "a",
        "label": 1,
        "finding": "ILD",
        "agreement": 0.5,
    }


def test_the_training_part_as_kaggle_releases_it(tmp_path, write_dicom):
    lines = ["image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max"]
    for i in range(4):
        name = f"{i:032x}"
        write_dicom(tmp_path / "train" / f"{name}.dicom")
        for reader, marked in enumerate(READINGS[i]):
            lines += [f"{name},{FINDINGS[k]},{k},R{8 + reader},1,2,3,4" for k in marked]
    (tmp_path / "train.csv").write_text("\n".join(lines))
    rows = read(tmp_path).table
    assert rows["label"].tolist() == [0, 1, 0, 1]
    assert rows["split"].eq("train").all()


def test_an_unknown_way(tmp_path, write_dicom):
    with pytest.raises(ConfigError, match="majority or any or all"):
        read(imitation(tmp_path, write_dicom), readers="mean")


def test_a_release_that_is_kept_as_png_is_read_by_its_stems(tmp_path, write_dicom, as_png):
    manifest = read(as_png(imitation(tmp_path, write_dicom)))
    assert manifest.table["label"].tolist() == [0, 1, 0, 1] * 2 + [0, 1] * 2
    assert manifest.table["path"].str.endswith(".png").all()
