from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import kstest

from medcnn.augment import Augmentation
from medcnn.augment.filters import REACH, Noise
from medcnn.errors import ConfigError

RNG = np.random.default_rng


def both(images, operators, seed=0):
    """Return what the two engines make of the images with the same draws, in [0, 1]."""
    augmentation = Augmentation(operators)
    parameters = augmentation.draw(RNG(seed), len(images), images.shape[1:])
    peak = np.iinfo(images.dtype).max
    tensor = torch.from_numpy(images.astype(np.float32) / peak)[:, None]
    theirs = augmentation.apply_tensor(tensor, parameters)[:, 0].numpy()
    return augmentation.apply(images, parameters) / peak, theirs


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.7])
def test_blur_is_scipys(images, sigma):
    ours, tensor = both(images, {"blur": {"sigma": (sigma, sigma)}})
    radius = int(REACH * sigma + 0.5)
    for image, our, other in zip(images / 255, ours, tensor, strict=True):
        theirs = gaussian_filter(image, sigma, mode="mirror", radius=radius)
        assert np.abs(our - theirs).max() < 1.5 / 255
        assert np.abs(other - theirs).max() < 1e-5


def test_sharpening_is_unsharp_masking_by_scipys_blur(images):
    ours, tensor = both(images, {"sharpen": {"amount": (0.8, 0.8), "sigma": 1.5}})
    for image, our, other in zip(images / 255, ours, tensor, strict=True):
        soft = gaussian_filter(image, 1.5, mode="mirror", radius=int(REACH * 1.5 + 0.5))
        theirs = (image + 0.8 * (image - soft)).clip(0, 1)
        assert np.abs(our - theirs).max() < 1.5 / 255
        assert np.abs(other - theirs).max() < 1e-5


def test_a_blur_wider_than_the_image_is_cut(images):
    ours, tensor = both(images[:, :8, :8].copy(), {"blur": {"sigma": (15, 15)}})
    assert np.abs(ours - tensor).max() < 1.5 / 255
    assert ours.std(axis=(1, 2)).max() < (images[:, :8, :8] / 255).std(axis=(1, 2)).max()


def test_no_blur_and_no_noise_change_nothing(images):
    for operators in ({"blur": {"sigma": (0, 0)}}, {"noise": {"sd": (0, 0)}}):
        ours, tensor = both(images, operators)
        assert np.array_equal(ours, images / 255)
        assert tensor == pytest.approx(images / 255, abs=1e-6)


def test_noise_is_normal_with_its_standard_deviation():
    grey = np.full((8, 256, 256), 32768, np.uint16)
    ours, tensor = both(grey, {"noise": {"sd": (0.05, 0.05)}})
    for noisy in (ours, tensor):
        noise = noisy - 32768 / 65535
        assert noise.std(axis=(1, 2)) == pytest.approx(0.05, rel=0.02)
        assert abs(noise.mean()) < 0.001
        assert kstest(noise[0].ravel()[::97] / 0.05, "norm").pvalue > 0.001
    assert np.abs(ours - tensor).max() < 1 / 65535


def test_images_of_a_batch_do_not_share_their_noise():
    ours, _ = both(np.full((2, 64, 64), 128, np.uint8), {"noise": {"sd": (0.1, 0.1)}})
    correlation = np.corrcoef(ours[0].ravel(), ours[1].ravel())[0, 1]
    assert abs(correlation) < 0.1


def test_images_larger_than_the_bank_have_noise_everywhere():
    operator = Noise(sd=(0.1, 0.1))
    values = {key: value[0] for key, value in operator.draw(RNG(0), 1).items()}
    noisy = operator.image(np.full((8, 1500), 128, np.uint8), values)
    assert noisy.shape == (8, 1500)
    assert (noisy.std(axis=0) > 0).mean() > 0.99


@pytest.mark.parametrize(
    ("operators", "message"),
    [
        ({"noise": {"sd": -0.1}}, r"noise\.sd"),
        ({"blur": {"sigma": 99}}, r"blur\.sigma"),
        ({"sharpen": {"sigma": 0}}, r"sharpen\.sigma"),
    ],
)
def test_impossible_values(operators, message):
    with pytest.raises(ConfigError, match=message):
        Augmentation(operators)
