import cv2
import numpy as np

from medcnn.data.audit import look as module
from medcnn.data.audit.look import look


def test_copies_are_found_among_pictures_that_look_alike(pictures, stored):
    images = pictures(40, seed=3)
    kept = len(images)
    for row in range(4):
        image = images[row]
        images += [
            image.copy(),
            image[3:-3, 5:].copy(),
            cv2.resize(image, (90, 90), interpolation=cv2.INTER_AREA),
        ]
    manifest, cache = stored(images, label=[0, 1] * 26)
    seen = look(manifest.table, cache, np.arange(len(images)))
    for row in range(4):
        exact, cropped, resized = range(kept + 3 * row, kept + 3 * row + 3)
        assert seen.first[exact] == row
        partners = {tuple(sorted(pair)) for pair in seen.pairs.tolist()}
        assert {(row, cropped), (row, resized)} <= partners
    assert {int(low) for low, _ in np.sort(seen.pairs, axis=1)} <= {0, 1, 2, 3, *range(kept, 52)}
    assert not seen.blank.any()
    assert seen.near.left_out == 0


def test_a_look_is_kept_until_pixels_or_patients_change(pictures, stored, monkeypatch):
    images = pictures(4)
    images.append(images[1][2:-3, 4:-1].copy())
    manifest, cache = stored(images, label=[0, 1, 0, 1, 0])
    table, rows = manifest.table, np.arange(5)
    first = look(table, cache, rows)
    fresh = []
    once = module._look
    monkeypatch.setattr(module, "_look", lambda *given: fresh.append(1) or once(*given))
    again = look(table, cache, rows)
    assert not fresh
    assert again.near.highest == first.near.highest
    for name in ("first", "blank", "small", "pairs"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    look(table.assign(patient_id=["a", "a", "b", "c", "d"]), cache, rows)
    look(table[:4], cache, rows[:4])
    assert len(fresh) == 2
    for file in (cache.folder / "looks").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    assert look(table, cache, rows).pairs.tolist() == first.pairs.tolist()
    assert len(fresh) == 3


def test_a_look_that_cannot_be_kept_is_a_look_all_the_same(pictures, stored):
    manifest, cache = stored(pictures(4), label=[0, 1, 0, 1])
    (cache.folder / "looks").write_text("no folder")
    assert look(manifest.table, cache, np.arange(4)).first.tolist() == [0, 1, 2, 3]
