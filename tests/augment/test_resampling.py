from __future__ import annotations

import numpy as np
import pytest
import torch

from medcnn.augment import Augmentation
from medcnn.augment.geometry import identity
from medcnn.augment.resampling import BORDERS, Warp, resample, resample_tensor

EVERYTHING = {
    "rotation": {"degrees": 20},
    "scale": {"factor": [0.8, 1.2]},
    "translation": {"x": 0.1, "y": 0.1},
    "shear": {"degrees": 8},
    "stretch": {"factor": [0.8, 1.2]},
    "perspective": {"strength": 0.08, "p": 0.5},
    "crop": {"p": 0.5},
    "elastic": {"displacement": 0.02, "p": 0.5},
    "lens": {"k": 0.2, "p": 0.5},
    "flip": {},
}


def as_tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images)[:, None].float() / np.iinfo(images.dtype).max


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("seed", range(3))
def test_opencv_and_grid_sample_give_the_same_image(images, border, seed):
    augmentation = Augmentation(EVERYTHING, border=border)
    parameters = augmentation.draw(np.random.default_rng(seed), len(images), 64)
    ours = augmentation.apply(images, parameters) / 255
    theirs = augmentation.apply_tensor(as_tensor(images), parameters)[:, 0].numpy()
    assert np.abs(ours - theirs).mean() < 0.5 / 255
    assert np.abs(ours - theirs).max() < 4 / 255


def test_images_need_not_be_square():
    images = np.random.default_rng(0).integers(0, 255, (2, 48, 80), np.uint8, endpoint=True)
    images = np.stack([np.outer(np.hanning(48), np.hanning(80)) * 255] * 2).astype(np.uint8)
    augmentation = Augmentation(EVERYTHING)
    parameters = augmentation.draw(np.random.default_rng(1), 2, (48, 80))
    ours = augmentation.apply(images, parameters)
    theirs = augmentation.apply_tensor(as_tensor(images), parameters)[:, 0].numpy()
    assert ours.shape == images.shape
    assert np.abs(ours / 255 - theirs).max() < 4 / 255


def test_uint16_keeps_its_grey_levels(images):
    wide = images.astype(np.uint16) * 257
    augmentation = Augmentation(EVERYTHING)
    parameters = augmentation.draw(np.random.default_rng(2), len(images), 64)
    ours = augmentation.apply(wide, parameters)
    theirs = augmentation.apply_tensor(as_tensor(wide), parameters)[:, 0].numpy()
    assert ours.dtype == np.uint16
    assert np.abs(ours / 65535 - theirs).max() < 4 / 255


def test_identity_returns_the_same_bytes(images):
    assert np.array_equal(resample(images, Warp(identity(len(images))), "zeros"), images)


def test_identity_on_the_device_is_exact_to_float_precision(images):
    image = as_tensor(images)
    same = resample_tensor(image, Warp(identity(len(images))), "zeros")
    assert torch.allclose(same, image, atol=1e-5)


def test_there_is_one_resampling_however_many_operators(images):
    turn = {"rotation": {"degrees": (25, 25)}, "scale": {"factor": (1.1, 1.1)}}
    back = {"crop": None, "stretch": {"factor": (1, 1)}}
    once = Augmentation({**turn, **back})(images, np.random.default_rng(0)).astype(float)
    step = images
    for name, options in turn.items():
        step = Augmentation({name: options})(step, np.random.default_rng(0))
    sharpness = [np.abs(np.diff(x[:, 16:48, 16:48].astype(float))).mean() for x in (once, step)]
    assert sharpness[0] >= sharpness[1]


@pytest.mark.gpu
def test_a_cuda_device_gives_the_same_image_as_opencv(images):
    augmentation = Augmentation(EVERYTHING)
    parameters = augmentation.draw(np.random.default_rng(0), len(images), 64)
    ours = augmentation.apply(images, parameters) / 255
    theirs = augmentation.apply_tensor(as_tensor(images).cuda(), parameters)[:, 0].cpu().numpy()
    assert np.abs(ours - theirs).max() < 4 / 255
