from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from skimage.exposure import equalize_hist

from medcnn.augment import Augmentation
from medcnn.augment.equalization import Clahe, Equalize
from medcnn.errors import ConfigError

RNG = np.random.default_rng


def as_tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.astype(np.float32) / np.iinfo(images.dtype).max)[:, None]


def test_equalize_is_opencvs(images):
    ours = Augmentation({"equalize": {"p": 1}})(images, RNG(0))
    assert np.array_equal(ours, np.stack([cv2.equalizeHist(image) for image in images]))


def test_equalize_follows_scikit_image_up_to_the_lowest_level(images):
    ours = Augmentation({"equalize": {"p": 1}})(images, RNG(0))
    for image, our in zip(images, ours, strict=True):
        # scikit-image maps the lowest level to its share, OpenCV to zero.
        assert np.abs(our / 255 - equalize_hist(image, nbins=256)).max() < 0.02


def test_equalize_of_uint16_uses_all_its_levels(images):
    wide = images.astype(np.uint16) * 200 + RNG(0).integers(0, 200, images.shape, np.uint16)
    ours = Augmentation({"equalize": {"p": 1}})(wide, RNG(0))
    assert ours.dtype == np.uint16
    for our in ours:
        assert np.abs(np.quantile(our / 65535, [0.1, 0.5, 0.9]) - [0.1, 0.5, 0.9]).max() < 0.01


def test_equalize_tensor_is_the_same_image(images):
    values = Equalize(p=1).draw(RNG(0), len(images))
    tensor = Equalize(p=1).tensor(as_tensor(images), values)[:, 0].numpy()
    ours = np.stack([Equalize(p=1).image(image, {}) for image in images])
    assert np.abs(tensor - ours / 255).max() <= 0.51 / 255


def test_a_flat_image_stays(images):
    flat = np.full((1, 16, 16), 77, np.uint8)
    assert np.array_equal(Augmentation({"equalize": {"p": 1}})(flat, RNG(0)), flat)
    assert torch.equal(Equalize(p=1).tensor(as_tensor(flat), {}), as_tensor(flat))


@pytest.mark.parametrize("clip", [1.0, 2.5, 40.0])
@pytest.mark.parametrize(("tiles", "side"), [(8, 64), (4, 60), (8, 61)])
def test_clahe_is_opencvs_on_both_engines(images, clip, tiles, side):
    part = np.ascontiguousarray(images[:, :side, :side])
    reference = np.stack([cv2.createCLAHE(clip, (tiles, tiles)).apply(image) for image in part])
    operator = {"clahe": {"p": 1, "clip": (clip, clip), "tiles": tiles}}
    augmentation = Augmentation(operator)
    parameters = augmentation.draw(RNG(0), len(part), side)
    assert np.array_equal(augmentation.apply(part, parameters), reference)
    tensor = augmentation.apply_tensor(as_tensor(part), parameters)[:, 0].numpy()
    assert np.abs(tensor - reference / 255).max() <= 1.01 / 255


@pytest.mark.parametrize("tiles", [0, 33, 2.5])
def test_unusable_tiles_are_refused(tiles):
    with pytest.raises(ConfigError, match="1 to 32"):
        Clahe(tiles=tiles)
