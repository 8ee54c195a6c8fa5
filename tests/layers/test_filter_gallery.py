import numpy as np
import pytest
from scipy import ndimage

from medcnn.errors import ConfigError
from medcnn.layers.filter_gallery import filter_gallery
from medcnn.layers.filters import FILTERS

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 30), dtype=np.uint8)


def test_every_filter_is_shown_and_identity_is_the_image():
    pictures = dict(filter_gallery(IMAGE))
    assert list(pictures) == list(FILTERS)
    np.testing.assert_array_equal(pictures["identity"], IMAGE)
    assert all(picture.dtype == np.uint8 for picture in pictures.values())


def test_a_blur_keeps_the_scale_and_is_scipys():
    [(_, picture)] = filter_gallery(IMAGE, ["gaussian_blur"])
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    expected = ndimage.correlate(IMAGE.astype(float), kernel, mode="nearest")
    np.testing.assert_allclose(picture, expected, atol=0.51)


def test_edges_have_a_sign_around_mid_grey():
    step = np.zeros((20, 20), np.uint8)
    step[:, 10:] = 200
    [(_, picture)] = filter_gallery(step, ["sobel_vertical"])
    assert np.unique(picture[:, [0, 5, 19]]).tolist() == [128]
    assert picture[:, 9:11].min() == 255
    [(_, other)] = filter_gallery(step[:, ::-1].copy(), ["sobel_vertical"])
    assert other[:, 9:11].max() <= 1


def test_deep_images_and_flat_ones_are_shown():
    [(_, picture)] = filter_gallery(IMAGE.astype(np.uint16) * 257, ["identity"])
    np.testing.assert_array_equal(picture, IMAGE)
    [(_, flat)] = filter_gallery(np.full((8, 8), 77, np.uint8), ["laplacian"])
    assert np.unique(flat).tolist() == [128]


def test_an_unknown_filter_gets_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'laplacian'"):
        filter_gallery(IMAGE, ["laplacan"])
