import cv2
import numpy as np
import pytest
from area_resize import resize

SHAPES = [(300, 280), (1022, 777), (512, 512), (512, 256), (384, 384), (128, 128), (129, 128)]


def drawn(shape):
    noise = np.random.default_rng(shape[0]).random(shape, dtype=np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return (smooth - smooth.min()) / np.ptp(smooth)


@pytest.mark.each("shape", SHAPES)
def test_a_reduction_is_opencv_s_to_the_last_bit(shape):
    image = drawn(shape)
    expected = cv2.resize(image, (128, 128), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(resize(image, 128), expected)


@pytest.mark.parametrize("shape", [(100, 90), (300, 100), (100, 300)])
def test_an_enlargement_is_opencv_s_to_the_last_grey_level(shape):
    image = drawn(shape)
    expected = cv2.resize(image, (128, 128), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(resize(image, 128), expected, rtol=0, atol=2e-7)
