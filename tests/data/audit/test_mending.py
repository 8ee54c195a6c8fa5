import numpy as np
import pytest

from medcnn.data.audit.audit import run_audit
from medcnn.data.audit.mending import deduplicate

LABELS = {"label": [0, 1, 0, 1, 0, 1], "split": ["train", "train", "val", "val", "test", "test"]}


def mended(stored, images, **columns):
    manifest, cache = stored(images, **(LABELS | columns))
    result = deduplicate(manifest, run_audit(manifest, cache))
    return set(result.table["image_id"]), result.warnings


def test_without_copies_nothing_changes(stored, pictures):
    manifest, cache = stored(pictures(6), **LABELS)
    assert deduplicate(manifest, run_audit(manifest, cache)) is manifest


def test_the_training_copy_goes_and_the_test_split_stays_whole(stored, pictures):
    images = pictures(6)
    images[4] = images[5] = images[2] = images[0]
    names, warnings = mended(stored, images)
    assert names == {"i1", "i3", "i4", "i5"}
    assert warnings[-1].startswith("Repeated images were dropped")
    assert warnings[-1].endswith(": 1 of train, 1 of val.")


def test_contradictory_copies_leave_the_training_split(stored, pictures):
    images = pictures(6)
    images[1] = images[0]
    names, _ = mended(stored, images)
    assert not {"i0", "i1"} & names


def test_near_copies_go_across_splits_and_stay_within_one(stored, pictures):
    images = pictures(8)
    images[4] = np.clip(images[0] * 0.8 + 20, 0, 255).astype(np.uint8)
    images[7] = np.clip(images[6] * 0.8 + 20, 0, 255).astype(np.uint8)
    names, warnings = mended(
        stored,
        images,
        label=[0, 1, 0, 1, 0, 1, 1, 1],
        split=[*LABELS["split"], "train", "train"],
    )
    assert names == {"i1", "i2", "i3", "i4", "i5", "i6", "i7"}
    assert warnings[-1].endswith(": 1 of train.")


@pytest.mark.parametrize("column", ["patient_id", "study_id"])
def test_who_is_in_test_leaves_val_and_training(stored, pictures, column):
    who = ["a", "b", "c", "d", "e", "f", "e", "d", "e", "a"]
    manifest, cache = stored(
        pictures(10),
        label=[0, 1, 0, 1, 0, 1, 0, 1, 0, 0],
        split=[*LABELS["split"], "train", "train", "val", "train"],
        **{column: who},
    )
    result = deduplicate(manifest, run_audit(manifest, cache))
    # e is in test, d in val; a has two images of one split.
    assert set(result.table["image_id"]) == {"i0", "i1", "i2", "i3", "i4", "i5", "i9"}
    assert (
        "Images of patients or studies of a later split were dropped, because data.deduplicate is "
        "true: 2 of train, 1 of val." in (result.warnings[-1])
    )
    assert not run_audit(result, cache).leaks
