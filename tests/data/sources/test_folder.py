from __future__ import annotations

import cv2
import numpy as np
import pytest

from medcnn.data.sources.class_names import class_labels
from medcnn.data.sources.folder import read
from medcnn.errors import DataError


def imitation(root, write_image, classes=("normal", "abnormal"), images=3):
    for name in classes:
        for i in range(images):
            write_image(root / name / f"{i}.png")
    return root


def test_class_folders_become_labels(tmp_path, write_image):
    manifest = read(imitation(tmp_path, write_image, ("Healthy", "Pneumonia")))
    assert manifest.table["label"].tolist() == [0, 0, 0, 1, 1, 1]
    assert set(manifest.table["split"]) == {""}
    assert manifest.table["image_id"].iloc[0] == "Healthy/0.png"
    assert manifest.label_policy == "class folders Pneumonia are abnormal, Healthy normal"


def test_split_folders_are_kept(tmp_path, write_image):
    for split in ("Train", "validation", "test"):
        imitation(tmp_path / split, write_image)
    table = read(tmp_path).table
    assert table["split"].value_counts().to_dict() == {"train": 6, "val": 6, "test": 6}


def test_a_folder_beside_the_splits_is_said(tmp_path, write_image):
    imitation(tmp_path / "train", write_image)
    write_image(tmp_path / "extra" / "0.png")
    assert read(tmp_path).warnings[0] == "folder: extra beside the splits was left out."


def test_the_user_says_what_a_class_means(tmp_path, write_image):
    imitation(tmp_path, write_image, ("before", "after"))
    with pytest.raises(DataError, match="not clear whether the class folder 'after'"):
        read(tmp_path)
    assert read(tmp_path, normal=["before"], abnormal=["after"]).table["label"].sum() == 3


def test_what_the_user_says_goes_first():
    assert class_labels(["normal", "0"], abnormal=["normal"]) == {"normal": 1, "0": 0}
    with pytest.raises(DataError, match="both normal and abnormal"):
        class_labels(["a"], normal=["a"], abnormal=["A"])


def test_dicom_headers_give_the_patient(tmp_path, write_dicom):
    facts = {
        "PatientID": "p1",
        "PatientName": "Secret^Name",
        "StudyInstanceUID": "1.2.3",
        "ViewPosition": "PA",
        "PatientSex": "F",
        "PatientAge": "018M",
    }
    write_dicom(tmp_path / "normal" / "a.dcm", **facts)
    write_dicom(tmp_path / "abnormal" / "1.2.840.7", PatientID="p2")
    table = read(tmp_path).table.set_index("patient_id")
    row = table.loc["p1"]
    assert (row["study_id"], row["view"], row["sex"], row["age"]) == ("1.2.3", "PA", "F", 1.5)
    assert table.loc["p2", "image_id"] == "abnormal/1.2.840.7"
    assert "Secret" not in table.to_csv()


def test_a_file_without_a_readable_header_stays_for_the_audit_to_report(tmp_path, write_image):
    imitation(tmp_path, write_image)
    (tmp_path / "normal" / "broken.dcm").write_bytes(b"not DICOM at all")
    rows = read(tmp_path).table.set_index("image_id")
    assert rows.loc["normal/broken.dcm", "patient_id"] == "normal/broken.dcm"


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("normal",), "the sub-folder normal only"),
        ((), "is empty"),
        (("0", "healthy"), "one class"),
    ],
)
def test_one_class_is_an_error(tmp_path, write_image, classes, message):
    imitation(tmp_path, write_image, classes)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_an_empty_class_is_an_error(tmp_path, write_image):
    imitation(tmp_path, write_image)
    (tmp_path / "pneumonia").mkdir()
    (tmp_path / "pneumonia" / "notes.txt").write_text("nothing")
    with pytest.raises(DataError, match=r"class folder .*pneumonia has no images"):
        read(tmp_path)


def test_what_is_left_out_is_counted_by_reason(tmp_path, write_image):
    imitation(tmp_path / "train", write_image)
    for name in ("top.png", "train/loose.png", "test/1.png", "test/2.png", "extra/x.png"):
        write_image(tmp_path / name)
    (tmp_path / "train" / "normal" / "a.webp").write_bytes(b"RIFF0000WEBP")
    (tmp_path / "README.md").write_text("notes")
    manifest = read(tmp_path)
    assert len(manifest) == 6
    assert manifest.left_out == {
        "beside the class folders": 2,
        "in test/, which has no class folders": 2,
        "in extra/, beside the splits": 1,
        "WebP image": 1,
        ".md file": 1,
    }
    assert manifest.warnings[1] == (
        "folder: 7 of 13 files were left out: 2 beside the class folders; 2 in test/, which has no "
        "class folders; 1 .md file; 1 WebP image; 1 in extra/, beside the splits."
    )


def test_a_wrapping_folder_is_entered_and_masks_beside_the_images_are_none(tmp_path, write_image):
    even = np.zeros((8, 8), np.uint8)
    for name in ("Normal", "COVID"):
        for number in range(3):
            write_image(tmp_path / "archive" / "images" / name / f"{number}.png")
            mask = tmp_path / "archive" / "masks" / name / f"{number}.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(mask), even)
    manifest = read(tmp_path)
    assert manifest.table["image_id"].iloc[0] == "COVID/0.png"
    assert (len(manifest), manifest.left_out) == (6, {"mask": 6})


def test_what_is_excluded_is_not_asked_for_its_class(tmp_path, write_image):
    imitation(tmp_path, write_image, ("normal", "abnormal", "unsorted"))
    with pytest.raises(DataError, match="not clear whether the class folder 'unsorted'"):
        read(tmp_path)
    manifest = read(tmp_path, exclude=["unsorted"])
    assert (len(manifest), manifest.left_out) == (6, {"excluded": 3})
