import cv2
import numpy as np
import pandas as pd
import pytest

from medcnn.data.audit import near
from medcnn.data.audit.look import look
from medcnn.data.cache.cache import build_cache
from medcnn.data.sources.phantom import read as read_phantom
from medcnn.io import read_image


def test_comparisons_are_bounded_and_what_is_left_out_is_counted(pictures, stored, monkeypatch):
    images = pictures(24)
    images += [np.clip(image * 0.9, 0, 255).astype(np.uint8) for image in images]
    manifest, cache = stored(images, label=[0, 1] * 24)
    bounded = near.find_candidates

    def many(hashes):
        found = bounded(hashes)
        assert len(found) >= 20
        return found

    monkeypatch.setattr(near, "COMPARISONS", 0)
    monkeypatch.setattr(near, "BASE_COMPARISONS", 0)
    monkeypatch.setattr(near, "find_candidates", many)
    seen = look(manifest.table, cache, np.arange(48))
    assert seen.near.compared == 0
    assert seen.near.left_out >= 20
    assert "pairs of similar hashes" in seen.not_checked()[0]
    assert seen.pairs.shape == (0, 2)


def test_a_few_pictures_are_all_compared(pictures, stored):
    images = pictures(3)
    images.append(images[1][2:-3, 4:-1].copy())
    manifest, cache = stored(images, label=[0, 1] * 2)
    seen = look(manifest.table, cache, np.arange(4))
    assert [sorted(pair) for pair in seen.pairs.tolist()] == [[1, 3]]


def test_originals_below_64_pixels_are_not_judged_and_it_is_said(pictures, stored):
    images = [cv2.resize(image, (60, 80), interpolation=cv2.INTER_AREA) for image in pictures(4)]
    images[3] = np.clip(images[0] * 0.9, 0, 255).astype(np.uint8)
    manifest, cache = stored(images, label=[0, 1] * 2)
    seen = look(manifest.table, cache, np.arange(4))
    assert len(seen.pairs) == 0
    assert (
        "near-duplicates of 4 images: their originals have fewer than 64" in seen.not_checked()[0]
    )


@pytest.mark.parametrize("size", [32, 160])
def test_phantoms_of_different_patients_are_no_copies_at_any_size_and_copies_are(size, tmp_path):
    table = read_phantom(n_images=48, size=96, workers=1).table
    image = np.rint(read_image(table["path"].iloc[5]).pixels * 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "copy.jpg"), image[4:-2, 3:], [cv2.IMWRITE_JPEG_QUALITY, 60])
    copy = table.iloc[[5]].assign(image_id="copy", path=str(tmp_path / "copy.jpg"))
    table = pd.concat([table, copy], ignore_index=True)
    cache = build_cache(table, size=size, root=tmp_path / "cache", workers=0, progress=False)
    seen = look(table, cache, np.arange(len(table)))
    patient = table["patient_id"].to_numpy()
    assert [5, len(table) - 1] in np.sort(seen.pairs, axis=1).tolist()
    assert all(patient[left] == patient[right] for left, right in seen.pairs.tolist())
    assert seen.near.judged > 1
    assert seen.near.highest < near.NEAR - 0.02


def test_what_is_alike_without_being_a_copy_is_judged_and_not_counted(pictures, stored):
    image, other = pictures(2)
    alike = np.clip(image + 0.25 * (other.astype(float) - image), 0, 255).astype(np.uint8)
    manifest, cache = stored([image, alike], label=[0, 1])
    seen = look(manifest.table, cache, np.arange(2))
    assert 0.82 < seen.near.highest < 0.93
    assert len(seen.pairs) == 0
