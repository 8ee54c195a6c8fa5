import cv2
import numpy as np

from medcnn.data.audit_look import look


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
