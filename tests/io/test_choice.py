import cv2
import numpy as np
import pytest

from medcnn.commands import doctor
from medcnn.data.sources.folder import read
from medcnn.inference.files import list_files, walk_images
from medcnn.io.choice import images_below, reason_of, walk
from medcnn.io.conformance.example import file_of
from medcnn.settings.composition import compose

NOISE = np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)
MASK = (cv2.GaussianBlur(NOISE, (0, 0), 4) > 127).astype(np.uint8) * 255


def put(path, image=NOISE):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


@pytest.mark.each(
    "layout",
    [
        "images/{}.png|masks/{}.png",
        "{}.png|{}_mask.png",
        "images/{}.png|lung masks/{}.png",
        "{}.jpg|{}.png",
        "x/{}.png|y/{}.png",
        "{}.png|{}-out.png",
        "scans/{}.png|deep/infection masks/{}.png",
        "{}.png|annotations/left/{}.png",
    ],
)
def test_masks_are_told_by_place_or_name_or_twin_and_by_their_pixels(tmp_path, layout):
    image, mask = layout.split("|")
    for number in range(4):
        put(tmp_path / image.format(number))
        put(tmp_path / mask.format(number), MASK)
        put(tmp_path / "other" / mask.format(number))
    images, left_out = images_below(tmp_path)
    assert left_out == {"mask": 4}
    assert len(images) == 8


def test_an_even_picture_that_nothing_calls_a_mask_stays(tmp_path):
    put(tmp_path / "1.png", MASK)
    put(tmp_path / "2.png")
    assert len(images_below(tmp_path)[0]) == 2


@pytest.mark.each(
    ("name", "content", "reason"),
    [
        ("a.jfif", b"", ""),
        ("IM1", bytes(128) + b"DICM", ""),
        ("IM1", b"\x08\x00\x05\x00" + bytes(200), ""),
        ("IM1", b"\x89PNG\r\n\x1a\n", ""),
        ("IM1", bytes(range(256)), ""),
        ("IM1", b"", "file without a suffix"),
        ("LIESMICH", "Röntgenbilder ".encode() * 40, "file without a suffix"),
        ("scan.img", bytes(128) + b"DICM", ""),
        ("1.2.840.7", b"notes", ".7 file"),
        ("README", b"notes", "file without a suffix"),
        ("BMI.txt", b"BM of patients", ".txt file"),
        ("a.webp", b"", "WebP image"),
        ("a", b"RIFF0000WEBP", "WebP image"),
        ("a.jp2", b"", "JPEG 2000 image"),
        ("DICOMDIR", bytes(128) + b"DICM", "DICOMDIR"),
    ],
)
def test_a_file_is_what_its_name_or_its_beginning_says(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    assert reason_of(tmp_path / name) == reason


def test_what_is_excluded_is_counted(tmp_path):
    for name in ("a/1.png", "a/old/2.png", "b/3_copy.png", "b/4.png"):
        put(tmp_path / name)
    images, left_out = images_below(tmp_path, ["old", "*_copy.png"])
    assert [path.name for path in images] == ["1.png", "4.png"]
    assert left_out == {"excluded": 2}
    assert images_below(tmp_path, ["b/*"])[1] == images_below(tmp_path, ["b"])[1] == {"excluded": 2}


def test_training_prediction_and_the_doctor_find_the_same_images(tmp_path):
    for place in ("normal", "abnormal"):
        for number in range(3):
            put(tmp_path / place / f"{number}.png")
            put(tmp_path / place / f"{number}_mask.png", MASK)
        (tmp_path / place / "IM1").write_bytes(
            file_of(np.tile(np.arange(64, dtype=np.uint16), (64, 1)))
        )
        (tmp_path / place / "2.840").write_bytes(b"notes")
        (tmp_path / place / "a.webp").write_bytes(b"RIFF0000WEBP")
        (tmp_path / place / ".hidden.png").write_bytes(b"")
    wanted = {"mask": 6, ".840 file": 2, "WebP image": 2}
    manifest = read(tmp_path)
    assert (len(manifest), manifest.left_out) == (8, wanted)
    assert sorted(map(str, walk_images(tmp_path))) == sorted(manifest.table["path"])
    listing = list_files(tmp_path)
    assert (listing.images, listing.left_out) == (8, wanted)
    said = doctor.run(compose("doctor", [f"path={tmp_path}"]))
    assert (said["images"], said["left_out"]) == (8, wanted)


def test_a_folder_of_a_thousand_patients_is_compared_with_no_other(tmp_path, monkeypatch):
    for number in range(40):
        put(tmp_path / f"p{number}" / "1.png", MASK)
    monkeypatch.setattr("medcnn.io.choice.looks_like_mask", lambda path: pytest.fail(str(path)))
    assert len(list(walk(tmp_path))) == 40
