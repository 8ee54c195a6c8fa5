from __future__ import annotations

import json
from pathlib import Path

import pytest

from medcnn.data.sources.rsna import CLASSES, MAPPING, read
from medcnn.errors import DataError

# The release writes ages without a unit, which pydicom remarks on.
pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR AS")


def imitation(root: Path, write_dicom, images: int = 9, mapping: bool = True) -> Path:
    """Write stage 2 of the challenge; three images in turn belong to one patient of ChestX-ray14."""
    classes, labels, entries = ["patientId,class"], ["patientId,x,y,width,height,Target"], []
    for i in range(images):
        name, kind = f"{i:08x}-36f6-41b2-a5f4-16b9f7c0ba5c", CLASSES[i % 3]
        boxes = 2 if kind == "Lung Opacity" else 1
        classes += [f"{name},{kind}"] * boxes
        labels += [f"{name},264,152,213,379,1" if boxes == 2 else f"{name},,,,,0"] * boxes
        facts = {"PatientSex": "MF"[i % 2], "PatientAge": str(30 + i), "ViewPosition": "PA"}
        path = root / "stage_2_train_images" / f"{name}.dcm"
        write_dicom(path, PatientID=name, StudyInstanceUID=f"1.2.{i}", **facts)
        entries.append({"subset_img_id": name, "img_id": f"{13 + i // 3:08d}_{i % 3:03d}.png"})
    (root / "stage_2_detailed_class_info.csv").write_text("\n".join(classes))
    (root / "stage_2_train_labels.csv").write_text("\n".join(labels))
    if mapping:
        (root / MAPPING).write_text(json.dumps(entries))
    return root


def test_manifest(tmp_path, write_dicom):
    manifest = read(imitation(tmp_path, write_dicom))
    rows = manifest.table
    assert rows["label"].tolist() == [0, 1, 1] * 3
    assert rows["patient_id"].tolist() == ["nih/13"] * 3 + ["nih/14"] * 3 + ["nih/15"] * 3
    assert rows["view"].eq("PA").all()
    assert rows["age"].tolist() == [30.0 + i for i in range(9)]
    assert rows["sex"].tolist()[:2] == ["M", "F"]
    assert rows["finding"].tolist()[:3] == list(CLASSES)
    assert manifest.warnings == ()
    assert "No Lung Opacity / Not Normal (3)" in manifest.label_policy


def test_without_the_mapping_every_image_is_a_patient(tmp_path, write_dicom):
    manifest = read(imitation(tmp_path, write_dicom, mapping=False))
    assert manifest.table["patient_id"].nunique() == 9
    assert "says from which patient" in manifest.warnings[0]
    assert "images name no patient" in manifest.warnings[-1]


def test_faults(tmp_path, write_dicom):
    imitation(tmp_path, write_dicom)
    (tmp_path / MAPPING).write_text('{"a": 1}')
    with pytest.raises(DataError, match="not RSNA's mapping"):
        read(tmp_path)
    labels = tmp_path / "stage_2_train_labels.csv"
    good = labels.read_text()
    labels.write_text(good.replace(",1\n", ",0\n"))
    with pytest.raises(DataError, match="The two tables of rsna disagree on 3 images"):
        read(tmp_path)
    labels.write_text(good)
    classes = tmp_path / "stage_2_detailed_class_info.csv"
    classes.write_text(classes.read_text().replace(",Normal", ",Healthy"))
    with pytest.raises(DataError, match="names a class 'Healthy'"):
        read(tmp_path)


def test_a_release_that_is_kept_as_png_is_read_by_its_stems(tmp_path, write_dicom, as_png):
    manifest = read(as_png(imitation(tmp_path, write_dicom)))
    assert manifest.table["label"].tolist() == [0, 1, 1] * 3
    assert manifest.table["path"].str.endswith(".png").all()
