from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from medcnn.augment.local_contrast import CUT, FLOOR, REACH, local_contrast
from medcnn.augment.normalize import normalize


@pytest.fixture
def image(images) -> torch.Tensor:
    return torch.from_numpy(images[:, :, :48] / np.float32(255))[:, None]


def scipys(picture: np.ndarray) -> np.ndarray:
    sigma = [REACH * side for side in picture.shape]
    options = {"sigma": sigma, "radius": [round(CUT * s) for s in sigma], "mode": "mirror"}
    centred = picture - ndimage.gaussian_filter(picture, **options)
    return centred / (np.sqrt(ndimage.gaussian_filter(centred**2, **options)) + FLOOR)


def test_it_is_what_scipys_gaussians_give(image):
    ours = normalize(image, "local", 0.5, 0.2)
    for our, picture in zip(ours[:, 0].numpy(), image[:, 0].double().numpy(), strict=True):
        assert np.abs(our - scipys(picture)).max() < 1e-3


def test_contrast_and_shading_that_vary_slowly_are_gone(image):
    ramp = torch.linspace(0.5, 1.0, image.shape[-1])
    shaded = 0.1 + 0.8 * image * ramp
    plain, kept = local_contrast(image), local_contrast(shaded)
    assert (plain - kept).abs().mean() < 0.15 * plain.abs().mean()
    # The data set's own mean and standard deviation leave them as they are.
    before, after = (normalize(x, "dataset", 0.5, 0.2) for x in (image, shaded))
    assert (before - after).abs().mean() > 0.5 * before.abs().mean()


def test_a_blank_image_is_zero_and_noise_in_the_dark_stays_small():
    assert local_contrast(torch.full((1, 1, 16, 16), 0.7)).abs().max() < 1e-4
    noise = 0.002 * torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert local_contrast(noise).std() < 0.15


def test_lower_precision_around_it_changes_nothing(image):
    with torch.autocast("cpu", torch.bfloat16):
        inside = local_contrast(image)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, local_contrast(image))


def test_the_smallest_images_have_surroundings():
    assert torch.isfinite(local_contrast(torch.rand(2, 1, 3, 4))).all()
