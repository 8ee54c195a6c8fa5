from __future__ import annotations

from pathlib import Path

import pytest

from medcnn.data.sources.chest_xray import patient_of, read
from medcnn.errors import DataError

NAMES = {
    "NORMAL": ["IM-0115-0001.jpeg", "NORMAL2-IM-0115-0001.jpeg", "IM-0429-0001-0002.jpeg"],
    "PNEUMONIA": ["person12_virus_46.jpeg", "person12_bacteria_47.jpeg", "person12_virus_9.jpeg"],
}


def imitation(root, write_image, splits=("train", "test")):
    for split in splits:
        for folder, names in NAMES.items():
            for name in names:
                write_image(root / split / folder / name)
    return root


def test_the_layout_becomes_a_manifest(tmp_path, write_image):
    manifest = read(imitation(tmp_path, write_image))
    table = manifest.table.set_index("image_id")
    assert len(table) == 12
    assert manifest.source == "chest_xray"
    assert "Kermany" in manifest.citation
    row = table.loc["test/PNEUMONIA/person12_virus_46.jpeg"]
    assert (row["label"], row["split"], row["view"]) == (1, "test", "AP")
    assert row["finding"] == "virus pneumonia"
    assert Path(row["path"]).is_file()
    assert table.loc["train/NORMAL/IM-0115-0001.jpeg", "finding"] == ""
    assert set(manifest.split("train")["patient_id"]) == {
        "IM-0115",
        "NORMAL2-IM-0115",
        "IM-0429",
        "person12_virus",
        "person12_bacteria",
    }


@pytest.mark.each(
    ("stem", "patient"),
    [
        ("person12_virus_46", "person12_virus"),
        ("person12_bacteria_46", "person12_bacteria"),
        ("person1_virus_11_2", "person1_virus"),
        ("IM-0115-0001", "IM-0115"),
        ("IM-0429-0001-0002", "IM-0429"),
        ("NORMAL2-IM-1423-0001", "NORMAL2-IM-1423"),
        ("unforeseen", "unforeseen"),
    ],
)
def test_patients_are_read_from_file_names(stem, patient):
    assert patient_of(stem) == patient


def test_the_folder_around_the_release_will_do(tmp_path, write_image):
    imitation(tmp_path / "chest_xray", write_image, splits=("train",))
    assert len(read(tmp_path)) == 6


def test_a_val_folder_too_small_to_choose_by_counts_as_training(tmp_path, write_image):
    manifest = read(imitation(tmp_path, write_image, splits=("train", "val", "test")))
    assert manifest.table["split"].value_counts().to_dict() == {"train": 12, "test": 6}
    assert "val/ holds 6 images, too few" in manifest.warnings[0]


def test_a_val_folder_of_some_size_is_kept(tmp_path, write_image):
    imitation(tmp_path, write_image)
    for number in range(50):
        write_image(tmp_path / "val" / "NORMAL" / f"IM-{number}-0001.jpeg")
        write_image(tmp_path / "val" / "PNEUMONIA" / f"person{number}_virus_1.jpeg")
    manifest = read(tmp_path)
    assert len(manifest.split("val")) == 100
    assert not manifest.warnings


def test_a_missing_folder_names_the_nearest(tmp_path, write_image):
    imitation(tmp_path / "chest_xray", write_image)
    with pytest.raises(DataError, match="'chest_xray' is the nearest name"):
        read(tmp_path / "chest_xry")


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match="is empty"):
        read(tmp_path)


def test_a_misspelt_split_is_an_error(tmp_path, write_image):
    imitation(tmp_path, write_image, splits=("trian",))
    with pytest.raises(DataError, match="'trian' is the nearest name"):
        read(tmp_path)


def test_an_empty_class_is_an_error(tmp_path, write_image):
    imitation(tmp_path, write_image)
    for path in (tmp_path / "test" / "NORMAL").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="no images of the class NORMAL"):
        read(tmp_path)


def test_a_misspelt_class_is_an_error(tmp_path, write_image):
    imitation(tmp_path, write_image)
    (tmp_path / "train" / "NORMAL").rename(tmp_path / "train" / "NORMALS")
    with pytest.raises(DataError, match="is 'NORMALS' meant to be 'NORMAL'"):
        read(tmp_path)


def test_the_real_release(real_data):
    manifest = read(real_data / "chest_xray")
    table = manifest.table
    assert len(table) == 5216
    assert table["label"].value_counts().to_dict() == {1: 3875, 0: 1341}
    assert set(table["split"]) == {"train"}
    # 518 IM and 693 NORMAL2-IM numbers, counted with ls, sed and sort -u.
    assert table.loc[table["label"] == 0, "patient_id"].nunique() == 518 + 693
    assert table.groupby("patient_id")["label"].nunique().max() == 1
