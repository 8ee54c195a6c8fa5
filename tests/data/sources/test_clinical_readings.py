from __future__ import annotations

from pathlib import Path

import pytest

from medcnn.data.sources.clinical_readings import read_set, reading
from medcnn.errors import DataError

SHENZHEN = ("male 45yrs\nnormal", "Female, 30 yrs\nsecondary PTB in the right upper field")
MONTGOMERY = (
    "Patient's Sex: F\nPatient's Age: 027Y\nnormal",
    "Patient's Sex: M\nPatient's Age: 033Y\nleft-sided pneumonia",
)


def imitation(root: Path, write_image, prefix: str, images: int = 6) -> Path:
    """Write one of the two sets: the first half normal, the second half tuberculous."""
    texts = SHENZHEN if prefix == "CHNCXR" else MONTGOMERY
    for i in range(1, images + 1):
        sick = int(i > images // 2)
        stem = f"{prefix}_{i:04d}_{sick}"
        write_image(root / "CXR_png" / f"{stem}.png")
        place = root / "ClinicalReadings" / f"{stem}.txt"
        place.parent.mkdir(exist_ok=True)
        place.write_text(texts[sick] + " \n")
    return root


@pytest.mark.each(
    ("text", "expected"),
    [
        ("male 45yrs\nnormal", {"sex": "M", "age": 45.0, "reading": "normal"}),
        ("Female, 30 yrs\na\nb ", {"sex": "F", "age": 30.0, "reading": "a b"}),
        ("female24yrs\nnormal", {"sex": "F", "age": 24.0, "reading": "normal"}),
        ("male 6 months\nnormal", {"sex": "M", "age": 0.5, "reading": "normal"}),
        (MONTGOMERY[0], {"sex": "F", "age": 27.0, "reading": "normal"}),
        (MONTGOMERY[1], {"sex": "M", "age": 33.0, "reading": "left-sided pneumonia"}),
        ("", {"sex": "", "age": None, "reading": ""}),
    ],
)
def test_a_reading(tmp_path, text, expected):
    path = tmp_path / "a.txt"
    path.write_text(text)
    assert reading(path) == expected


def test_masks_and_the_other_set_are_passed_over(tmp_path, write_image):
    imitation(tmp_path / "MontgomerySet", write_image, "MCUCXR")
    imitation(tmp_path / "ChinaSet_AllFiles", write_image, "CHNCXR")
    write_image(tmp_path / "MontgomerySet/ManualMask/leftMask/MCUCXR_0001_0.png")
    write_image(tmp_path / "ChinaSet_AllFiles/mask/CHNCXR_0001_0_mask.png")
    for source, prefix in (("montgomery", "MCUCXR"), ("shenzhen", "CHNCXR")):
        manifest = read_set(tmp_path, source, prefix)
        assert manifest.table["label"].tolist() == [0, 0, 0, 1, 1, 1]
        assert manifest.table["age"].notna().all()
        assert manifest.warnings == ()


def test_a_name_that_its_reading_contradicts(tmp_path, write_image):
    imitation(tmp_path, write_image, "CHNCXR")
    (tmp_path / "ClinicalReadings/CHNCXR_0005_1.txt").write_text("male 45yrs\nNormal.")
    (tmp_path / "ClinicalReadings/CHNCXR_0001_0.txt").unlink()
    manifest = read_set(tmp_path, "shenzhen", "CHNCXR")
    assert "1 images named tuberculous are read as normal" in manifest.warnings[0]
    assert "1 of 6 images have no clinical reading" in manifest.warnings[1]


def test_a_folder_without_the_set(tmp_path, write_image):
    imitation(tmp_path, write_image, "CHNCXR")
    with pytest.raises(DataError, match=f"{tmp_path} has no images of montgomery"):
        read_set(tmp_path, "montgomery", "MCUCXR")
