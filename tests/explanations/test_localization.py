import cv2
import numpy as np
import pytest
from scipy import ndimage

from medcnn.explanations.localization import (
    area,
    mass_inside,
    points_at,
    read_mask,
    widened,
)


def square(side, top, left, high, wide=None):
    mask = np.zeros((side, side), bool)
    mask[top : top + high, left : left + (wide or high)] = True
    return mask


def test_the_hottest_pixel_decides():
    mask = np.stack([square(10, 2, 2, 3)] * 3)
    heat = np.full((3, 10, 10), 0.1, np.float32)
    heat[0, 4, 4], heat[1, 5, 5] = 1.0, 1.0
    heat[2] = 0.0
    assert points_at(heat, mask).tolist() == [True, False, False]


def test_mass_is_the_share_of_the_heat_inside():
    heat = np.random.default_rng(0).random((4, 8, 8)).astype(np.float32)
    mask = np.random.default_rng(1).random((4, 8, 8)) < 0.3
    expected = [ndimage.sum(h, m) / h.sum() for h, m in zip(heat, mask, strict=True)]
    np.testing.assert_allclose(mass_inside(heat, mask), expected, rtol=1e-6)
    assert mass_inside(np.zeros_like(heat), mask).tolist() == [0, 0, 0, 0]


def test_even_heat_has_the_areas_share_of_the_mass():
    mask = np.stack([square(20, 0, 0, 10), square(20, 5, 5, 4)])
    np.testing.assert_allclose(area(mask), [0.25, 0.04])
    np.testing.assert_allclose(mass_inside(np.ones((2, 20, 20), np.float32), mask), area(mask))


def test_random_points_hit_as_often_as_the_area_says():
    mask = np.stack([square(32, 8, 8, 12)] * 4000)
    heat = np.random.default_rng(0).random(mask.shape, np.float32)
    assert points_at(heat, mask).mean() == pytest.approx(area(mask)[0], abs=0.02)


def test_the_tolerance_is_fifteen_pixels_of_224():
    mask = np.zeros((1, 224, 224), bool)
    mask[0, 100, 100] = True
    wide = widened(mask)[0]
    distance = ndimage.distance_transform_edt(~mask[0])
    assert wide[distance <= 14].all() and not wide[distance > 16].any()
    assert wide[100, 115] and not wide[100, 116]
    assert widened(np.zeros((0, 8, 8), bool)).shape == (0, 8, 8)


def test_a_mask_is_reduced_like_the_image(tmp_path):
    large = square(256, 64, 96, 32, 64).astype(np.uint8) * 4  # bit 2, as the phantom stores it
    cv2.imwrite(str(tmp_path / "mask.png"), large)
    assert (read_mask(str(tmp_path / "mask.png"), 128) == square(128, 32, 48, 16, 32)).all()


def test_a_finding_smaller_than_a_pixel_does_not_vanish(tmp_path):
    cv2.imwrite(str(tmp_path / "dot.png"), square(256, 100, 100, 2).astype(np.uint8))
    assert read_mask(str(tmp_path / "dot.png"), 32).sum() == 1
    coloured = np.dstack([np.zeros((16, 16)), square(16, 0, 0, 8), np.zeros((16, 16))])
    cv2.imwrite(str(tmp_path / "colour.png"), coloured.astype(np.uint8))
    assert read_mask(str(tmp_path / "colour.png"), 16).sum() == 64


def test_a_file_that_is_no_image_is_named(tmp_path):
    (tmp_path / "bad.png").write_text("no")
    with pytest.raises(OSError, match=r"bad\.png is not an image"):
        read_mask(str(tmp_path / "bad.png"), 16)
