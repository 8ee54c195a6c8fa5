from __future__ import annotations

from pathlib import Path

import pytest

from medcnn.data.sources.nih import read
from medcnn.errors import DataError

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient {sex},View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]{comma}\n"
)
FINDINGS = ("No Finding", "Cardiomegaly|Emphysema", "No Finding", "Pleural_Thickening")


def imitation(root: Path, write_image, patients: int = 8, version: str = "v2020") -> Path:
    """Write a release of ``patients`` patients, odd ones with a follow-up; the last fifth is test."""
    old = version == "2017"
    lines = [HEADER.format(sex="Gender" if old else "Sex", comma="," if old else "")]
    lists: dict[str, list[str]] = {"train_val_list.txt": [], "test_list.txt": []}
    for patient in range(1, patients + 1):
        for follow_up in range(1 + patient % 2):
            name = f"{patient:08d}_{follow_up:03d}.png"
            age = f"{40 + patient:03d}Y" if old else str(40 + patient)
            lines.append(
                f"{name},{FINDINGS[patient % 4]},{follow_up},{patient},{age},"
                f"{'MF'[patient % 2]},{'PA' if patient % 3 else 'AP'},2682,2749,0.143,0.143"
                + (",\n" if old else "\n")
            )
            write_image(root / f"images_{1 + patient % 2:03d}" / "images" / name)
            lists[
                "test_list.txt"
                if patient > patients - max(2, patients // 5)
                else "train_val_list.txt"
            ].append(name)
    table = "Data_Entry_2017.csv" if old else "Data_Entry_2017_v2020.csv"
    (root / table).write_text("".join(lines))
    for name, images in lists.items():
        (root / name).write_text("\n".join(images))
    return root


@pytest.mark.parametrize("version", ["2017", "v2020"])
def test_manifest(tmp_path, write_image, version):
    manifest = read(imitation(tmp_path, write_image, version=version))
    rows = manifest.table.set_index("image_id")
    assert len(rows) == 12
    first = rows.loc["00000001_000.png"]
    assert first["path"] == str(tmp_path / "images_002/images/00000001_000.png")
    assert first[["label", "patient_id", "study_id", "view"]].tolist() == [1, "1", "1_0", "PA"]
    assert first[["finding", "age", "sex"]].tolist() == ["Cardiomegaly|Emphysema", 41.0, "F"]
    assert rows.loc["00000002_000.png", "label"] == 0
    assert "normal: No Finding (4)" in manifest.label_policy
    assert "Pleural_Thickening (4)" in manifest.label_policy
    assert "Wang" in manifest.citation
    assert manifest.warnings == ()


def test_the_official_split(tmp_path, write_image):
    rows = read(imitation(tmp_path, write_image)).table
    by_split = rows.groupby("split")["patient_id"].agg(set)
    assert by_split["test"] == {"7", "8"}
    assert by_split["train"] == {"1", "2", "3", "4", "5", "6"}
    assert read(tmp_path, official_split=False).table["split"].eq("").all()


def test_without_the_test_list_the_split_is_drawn(tmp_path, write_image):
    imitation(tmp_path, write_image)
    (tmp_path / "test_list.txt").unlink()
    manifest = read(tmp_path)
    assert manifest.table["split"].eq("").all()
    assert "test_list.txt is not there" in manifest.warnings[0]


def test_a_part_of_the_images(tmp_path, write_image):
    imitation(tmp_path, write_image)
    for path in (tmp_path / "images_002").rglob("*.png"):
        if path.name > "00000002":
            path.unlink()
    manifest = read(tmp_path)
    assert len(manifest) == 6
    assert manifest.warnings == ("nih: 6 of 12 listed images are not on disk and were left out.",)


def test_a_converted_copy_is_ambiguous(tmp_path, write_image):
    imitation(tmp_path, write_image)
    write_image(tmp_path / "small" / "00000001_000.png")
    with pytest.raises(DataError, match=r"Two images below .* have the name 00000001_000\.png"):
        read(tmp_path)


def test_missing_parts(tmp_path, write_image):
    imitation(tmp_path, write_image)
    table = tmp_path / "Data_Entry_2017_v2020.csv"
    text = table.read_text()
    table.write_text(text.replace("Finding Labels", "Findings"))
    with pytest.raises(DataError, match="lacks the column 'Finding Labels'"):
        read(tmp_path)
    table.unlink()
    with pytest.raises(DataError, match=r"there is no Data_Entry_2017_v2020\.csv"):
        read(tmp_path)
    table.write_text(text)
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    with pytest.raises(DataError, match="None of the 12 images in the tables of nih"):
        read(tmp_path)


def test_what_the_table_does_not_list_and_lists_in_vain_is_counted(tmp_path, write_image):
    root = imitation(tmp_path, write_image)
    names = sorted(path.name for path in root.rglob("*.png"))
    for name in names[:2]:
        next(root.rglob(name)).unlink()
    moved = next(root.rglob(names[2]))
    moved.rename(moved.with_suffix(".jpg"))
    write_image(root / "thumbnail.png")
    (root / "images_003.tar.gz").write_bytes(b"")
    manifest = read(root)
    assert len(manifest) == 10
    assert manifest.left_out == {
        "listed, but not on disk": 2,
        "not in the tables": 1,
        ".csv file": 1,
        ".txt file": 2,
        "archive, to be unpacked": 1,
    }
    assert manifest.warnings[0] == "nih: 1 of 12 files were left out: 1 archive, to be unpacked."
    found = manifest.table.set_index("image_id").loc[names[2], "path"]
    assert found == str(moved.with_suffix(".jpg"))


def test_images_of_other_names_are_answered_with_what_was_found(tmp_path, write_image):
    root = imitation(tmp_path, write_image)
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        path.rename(path.with_name(f"xray{number}.png"))
    with pytest.raises(DataError, match=r"found: 12 images with other names, such as xray\d+\.png"):
        read(root)
