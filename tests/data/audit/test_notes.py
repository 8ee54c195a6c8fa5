import cv2
import numpy as np
import pytest

from medcnn.data.audit.audit import run_audit
from medcnn.data.cache.cache import build_cache
from medcnn.data.sources.folder import read
from medcnn.data.splits.splits import assign_splits
from medcnn.io.conformance.example import encode, file_of, image_dataset

KINDS = ("plain", "dark", "darker", "inverted", "lateral", "frames")


@pytest.fixture
def folder(pictures, tmp_path):
    """Return class folders with four images of each of ``KINDS``."""
    for number, image in enumerate(pictures(24, side=96)):
        kind, label = KINDS[number // 4], ("normal", "abnormal")[number % 2]
        place = tmp_path / "root" / label
        place.mkdir(parents=True, exist_ok=True)
        wide = image.astype(np.uint16) * 16
        facts = {"PatientID": f"P{number}", "StudyInstanceUID": f"1.2.{number}"}
        if kind == "lateral":
            content = file_of(wide, ViewPosition="LL", **facts)
            (place / f"{number}.dcm").write_bytes(content)
        elif kind == "frames":
            dataset = image_dataset(wide, NumberOfFrames=2, **facts)
            dataset.PixelData = wide.tobytes() + wide[::-1].tobytes()
            content = encode(dataset)
            (place / f"{number}.dcm").write_bytes(content)
        else:
            stored = {"dark": wide, "darker": wide * 4, "inverted": 255 - image}.get(kind, image)
            cv2.imwrite(str(place / f"{number}.png"), stored)
    return tmp_path / "root"


def test_what_the_reader_noticed_is_counted_and_told(folder, tmp_path):
    manifest = assign_splits(read(folder))
    cache = build_cache(manifest.table, size=64, root=tmp_path / "cache", workers=0, progress=False)
    found = run_audit(manifest, cache, probe=False).to_json()
    assert found["reader_warnings"] == {
        "inverted": 4,
        "dark": 8,
        "lateral_view": 4,
        "multi_frame": 4,
    }
    assert found["verdict"] == "warn"
    told = [text for text in found["findings"] if "of 24 images" in text]
    assert [text.partition(",")[0].partition(".")[0] for text in told] == [
        "4 of 24 images: inverted",
        "8 of 24 images: dark: next to no pixel uses more than 30 % of the range",
        "4 of 24 images: a lateral view",
        "4 of 24 images: several frames or pages",
    ]


def test_a_view_that_the_table_names_counts_too(pictures, stored):
    views = ["PA", "LL", "LATERAL", "", "LAO", "AP"]
    columns = {"label": [0, 1] * 3, "split": ["train", "train", "val", "val", "test", "test"]}
    found = run_audit(*stored(pictures(6), view=views, **columns), probe=False).to_json()
    assert found["reader_warnings"] == {"lateral_view": 2, "other_view": 1}


def test_an_inverted_lateral_view_is_told_as_lateral_alone(pictures, stored):
    images = [255 - image for image in pictures(6)]
    columns = {"label": [0, 1] * 3, "split": ["train", "train", "val", "val", "test", "test"]}
    found = run_audit(*stored(images, view="LL", **columns), probe=False).to_json()
    assert found["reader_warnings"] == {"lateral_view": 6}


def test_masks_that_nothing_but_their_pixels_tells_are_counted(pictures, stored):
    images = pictures(6)
    for row in (1, 4):
        images[row] = np.where(images[row] > 100, 255, 0).astype(np.uint8)
    columns = {"label": [0, 1] * 3, "split": ["train", "train", "val", "val", "test", "test"]}
    found = run_audit(*stored(images, **columns), probe=False).to_json()
    assert found["reader_warnings"] == {"mask": 2}
    assert found["findings"][0].startswith("2 of 6 images: two even areas, as a mask has them")
