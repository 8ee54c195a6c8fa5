import cv2
import numpy as np
import pandas as pd
import pytest

from medcnn.data.audit.overlap import seen_in_training
from medcnn.data.cache.cache import build_cache

SPLITS = ["train", "train", "train", "val", "test", "test"]


@pytest.fixture
def home(pictures, stored):
    """Return pictures, a training of the first four, and the cache of all."""
    images = pictures(10, seed=3)
    manifest, cache = stored(images[:6], label=[0, 1, 0, 1, 0, 1], split=SPLITS)
    trained = manifest.table[manifest.table["split"] != "test"].reset_index(drop=True)
    return images, trained.assign(owner="nih/" + trained["patient_id"]), cache


def elsewhere(tmp_path, home_cache, images, **columns):
    folder = tmp_path / "elsewhere"
    folder.mkdir(exist_ok=True)
    names = [f"e{row}" for row in range(len(images))]
    for name, image in zip(names, images, strict=True):
        suffix = "jpg" if name == "e1" else "png"
        cv2.imwrite(str(folder / f"{name}.{suffix}"), image)
    paths = [str(folder / f"{n}.{'jpg' if n == 'e1' else 'png'}") for n in names]
    table = pd.DataFrame({"image_id": names, "path": paths, "patient_id": names})
    table["study_id"] = table["patient_id"]
    table = table.assign(owner="here/" + table["patient_id"]).assign(**columns)
    root = home_cache.folder.parent
    return table, build_cache(table, size=64, root=root, workers=0, progress=False)


def test_copies_are_found_by_file_by_pixels_and_in_another_form(home, tmp_path):
    images, trained, cache = home
    cropped = images[2][5:, 4:].copy()
    table, ours = elsewhere(tmp_path, cache, [images[0], images[1], cropped, images[8], images[9]])
    found = seen_in_training(table, ours, trained)
    assert found.copies.tolist() == [True, False, False, False, False]
    assert found.near.tolist() == [False, True, True, False, False]  # e1 is a JPEG
    assert found.any.tolist() == [True, True, True, False, False]
    assert (found.looked, found.known) == (4, 4)


def test_a_training_that_is_gone_is_known_by_the_keys_of_its_files(home, tmp_path):
    images, trained, cache = home
    keys = set(cache.keys[:4].tolist())
    gone = trained.assign(path="/nowhere/" + trained["image_id"])
    table, ours = elsewhere(tmp_path, cache, [images[3], images[8]])
    found = seen_in_training(table, ours, gone, keys)
    assert found.copies.tolist() == [True, False]
    assert (found.looked, found.known) == (0, 4)
    assert not seen_in_training(table, ours, gone).any.any()


def test_without_a_look_at_pixels_files_decide(home, tmp_path):
    images, trained, cache = home
    table, ours = elsewhere(tmp_path, cache, [images[0], images[0][5:, 4:].copy()])
    keys = set(cache.keys.tolist())
    found = seen_in_training(table, ours, trained, keys, pixels=False)
    assert found.any.tolist() == [True, False]
    assert found.looked is None


def test_a_patient_decides_within_a_source_and_a_study_in_the_world(home, tmp_path):
    images, trained, cache = home
    uid = "1.2.840.113619.2.55.3.604688119"
    trained = trained.assign(study_id=[uid, "1", "2", "3"])
    table, ours = elsewhere(
        tmp_path,
        cache,
        images[6:10],
        owner=["nih/i0", "here/i1", "here/x", "here/y"],
        patient_id=["i0", "i1", "x", "y"],
        study_id=["a", "1", uid, "b"],
    )
    found = seen_in_training(table, ours, trained)
    assert found.patients.tolist() == [True, False, False, False]
    assert found.studies.tolist() == [False, False, True, False]
    assert found.namesakes.tolist() == [False, True, False, False]
    assert found.any.tolist() == [True, False, True, False]


def test_no_training_knows_nothing(home, tmp_path):
    images, trained, cache = home
    table, ours = elsewhere(tmp_path, cache, images[:2])
    found = seen_in_training(table, ours, trained.iloc[:0])
    assert not found.any.any() and found.known == 0
    assert np.array_equal(found.near, [False, False])
