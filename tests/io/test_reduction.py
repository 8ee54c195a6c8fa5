import numpy as np
import pytest
from skimage.transform import downscale_local_mean

from medcnn.io.reduction import resize_area, resize_area_stepwise, to_uint8


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_whole_factors_are_local_means(dtype):
    stored = np.random.default_rng(0).integers(0, 200, (64, 128)).astype(dtype)
    expected = downscale_local_mean(stored.astype(float), (4, 8))
    np.testing.assert_allclose(resize_area(stored, 16), expected, atol=1e-3)
    # Two halvings, each rounded to the nearest integer.
    tolerance = 1e-3 if dtype == np.float32 else 1.01
    np.testing.assert_allclose(resize_area_stepwise(stored, 16), expected, atol=tolerance)


def test_other_factors_are_close_on_what_is_smooth():
    y, x = np.mgrid[:64, :96]
    smooth = 100 + 80 * np.sin(x / 12) * np.cos(y / 9)
    expected = downscale_local_mean(smooth, (4, 6))
    np.testing.assert_allclose(resize_area(smooth, 16), expected, atol=1e-3)
    stepwise = resize_area_stepwise(smooth.astype(np.float32), 16)
    np.testing.assert_allclose(stepwise, expected, atol=3)


def test_odd_sides_lose_at_most_a_pixel():
    smooth = np.add.outer(np.arange(101), np.arange(203)).astype(np.uint16) * 10
    stepwise, whole = resize_area_stepwise(smooth, 20), resize_area(smooth, 20)
    # Ten a pixel along each axis; the steps move the content by less than three pixels in all.
    assert np.abs(stepwise - whole).max() < 60


def test_enlarging_interpolates():
    found = resize_area(np.array([[0.0, 1.0], [0.0, 1.0]], np.float32), 8)
    assert found.shape == (8, 8)
    assert (np.diff(found, axis=1) >= 0).all()


def test_eight_bits_are_rounded_and_clipped():
    unit = np.array([[-1, 0, 0.5, 1, 2]], np.float32)
    np.testing.assert_array_equal(to_uint8(unit), [[0, 0, 128, 255, 255]])


@pytest.mark.parametrize(("slope", "intercept"), [(1 / 4095, 0), (-1 / 300, 5), (0.02, -580.5)])
def test_an_affine_grey_scale_is_applied_before_the_rounding(slope, intercept):
    stored = np.random.default_rng(0).uniform(0, 4095, (50, 40)).astype(np.float32)
    if slope == 0.02:
        stored += 27_000
    exact = 255 * np.clip(slope * stored.astype(np.float64) + intercept, 0, 1)
    found = to_uint8(stored, slope, intercept)
    # Half a level of rounding, and what 32 bits leave of large values.
    assert np.abs(found - exact).max() < 0.51
    assert len(np.unique(found)) > 20
