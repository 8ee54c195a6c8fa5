import cv2
import numpy as np
import pytest

from medcnn.data.audit import look as module
from medcnn.data.audit.derived import derived_copies
from medcnn.data.audit.hashing import thumbnails
from medcnn.data.audit.look import look
from medcnn.data.audit.overlap import seen_in_training
from medcnn.data.cache.cache import build_cache
from medcnn.data.sources.phantom import read as read_phantom
from medcnn.io import read_image


def made_small(image, share, side=28):
    """Return the middle of an image at a released set's size, as MedMNIST makes it."""
    cut = round((1 - share) / 2 * image.shape[1])
    middle = image[:, cut : image.shape[1] - cut]
    return cv2.resize(middle, (side, side), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def radiographs():
    paths = read_phantom(n_images=40, size=96, workers=1).table["path"]
    return [np.rint(read_image(path).pixels * 255).astype(np.uint8) for path in paths]


def test_small_forms_of_larger_images_are_found_and_those_of_others_are_not(radiographs):
    rng = np.random.default_rng(0)
    shares = rng.uniform(0.6, 1, len(radiographs))
    tiny = np.stack([made_small(*pair) for pair in zip(radiographs, shares, strict=True)])
    # As another release would have written them: JPEG, and a little brighter.
    tiny = np.stack([cv2.imdecode(cv2.imencode(".jpg", image)[1], 0) for image in tiny])
    tiny = np.clip(tiny.astype(int) + 12, 0, 255).astype(np.uint8)
    known = thumbnails(np.stack(radiographs[:24]))
    found, _ = derived_copies(thumbnails(tiny), known, np.arange(24))
    assert all(small == large for small, large in found.tolist())
    assert len(found) >= 22


def test_no_small_or_no_larger_image_is_no_copy():
    none, some = np.zeros((0, 64, 64), np.uint8), np.ones((2, 64, 64), np.uint8)
    for small, large in ((none, some), (some, none), (some, some)):
        assert derived_copies(small, large, np.arange(len(large)))[0].shape == (0, 2)


def test_a_training_is_recognised_in_a_set_of_28_pixels(radiographs, stored):
    tiny = [made_small(image, 0.8) for image in radiographs[:12]]
    manifest, cache = stored([*tiny, *radiographs[4:]], label=[0, 1] * 24)
    table = manifest.table.assign(owner=manifest.table["image_id"])
    here, trained = table[:12], table[12:].reset_index(drop=True)
    ours = build_cache(here, size=32, root=cache.folder.parent, workers=0, progress=False)
    found = seen_in_training(here, ours, trained)
    assert not found.near[:4].any()
    assert found.near[4:].sum() >= 7
    assert (found.small, found.doubtful) == (12, 0)


def test_a_middle_of_the_same_size_is_recognised_elsewhere(radiographs, stored):
    middles = [made_small(image, 0.75, side=72) for image in radiographs[:6]]
    manifest, cache = stored([*middles, *radiographs[2:]], label=[0, 1] * 22)
    table = manifest.table.assign(owner=manifest.table["image_id"])
    here, trained = table[:6], table[6:].reset_index(drop=True)
    ours = build_cache(here, size=64, root=cache.folder.parent, workers=0, progress=False)
    found = seen_in_training(here, ours, trained)
    assert found.near.tolist() == [False, False, True, True, True, True]
    assert (found.small, found.uncropped) == (0, 0)


def test_more_pairs_than_can_be_compared_are_left_and_that_is_said(
    radiographs, stored, monkeypatch
):
    images = [made_small(radiographs[0], 0.8), *radiographs[:3]]
    manifest, cache = stored(images, label=[0, 1, 0, 1])
    monkeypatch.setattr(module, "MAX_PAIRS", 2)
    seen = look(manifest.table, cache, np.arange(4))
    assert seen.unmatched == 3
    assert seen.not_checked()[0].endswith("too few to tell copies from look-alikes")


def test_one_likeness_among_many_small_images_is_told_and_no_leak(radiographs, stored):
    tiny = [made_small(image, 0.8) for image in radiographs[:12]]
    manifest, cache = stored([*tiny, radiographs[3], *radiographs[20:23]], label=[0, 1] * 8)
    seen = look(manifest.table, cache, np.arange(16))
    assert len(seen.pairs) == 0 and seen.doubtful in (1, 2)
    assert "small images that are like a larger one" in seen.not_checked()[-1]


def test_images_of_one_size_are_not_decoded_a_second_time(radiographs, stored):
    for images in (radiographs[:4], [made_small(image, 0.8) for image in radiographs[:4]]):
        manifest, cache = stored(images, size=32, label=[0, 1, 0, 1])
        look(manifest.table, cache, np.arange(4))
        assert not list(cache.folder.parent.glob("64px*"))
