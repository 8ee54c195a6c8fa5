from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.exposure import match_histograms as skimage_match

from medcnn.augment.normalize import Statistics, fit, match_histograms, normalize
from medcnn.errors import ConfigError, DataError


def as_tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.astype(np.float32) / np.iinfo(images.dtype).max)[:, None]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_statistics_are_numpys(images, dtype):
    wide = images.astype(dtype) * (257 if dtype is np.uint16 else 1)
    found = fit([wide[:1], wide[1:]])
    assert found.mean == pytest.approx((images / 255).mean())
    assert found.std == pytest.approx((images / 255).std())
    shares = [(images <= level).mean() for level in range(256)]
    assert found.cumulative == pytest.approx(shares)


def normalized(images: np.ndarray, kind: str, found: Statistics) -> torch.Tensor:
    shares = torch.tensor(found.cumulative, dtype=torch.float64)
    return normalize(as_tensor(images), kind, found.mean, found.std, shares)


def test_by_data_set(images):
    normal = normalized(images, "dataset", fit([images]))
    assert normal.mean() == pytest.approx(0, abs=1e-5)
    assert normal.std(correction=0) == pytest.approx(1, abs=1e-5)


def test_by_image(images):
    normal = normalize(as_tensor(images), "image", 0.5, 0.2)
    assert normal.mean((1, 2, 3)).abs().max() < 1e-5
    assert normal.std((1, 2, 3), correction=0).numpy() == pytest.approx(1, abs=1e-5)
    blank = normalize(torch.full((1, 1, 8, 8), 0.3), "image", 0.5, 0.2)
    assert blank.abs().max() < 1e-3


def test_histograms_are_matched_as_scikit_image_does(images):
    dark = (images.astype(float) ** 1.5 / 255**0.5).astype(np.uint8)
    target = images[:1]
    ours = match_histograms(as_tensor(dark), np.array(fit([target]).cumulative))[:, 0].numpy()
    for our, image in zip(ours, dark, strict=True):
        assert np.abs(our * 255 - skimage_match(image, target[0])).max() < 1.0


def test_by_histogram_any_exposure_ends_as_the_training_images(images):
    dark = (images * 0.5).astype(np.uint8)
    normal = normalized(dark, "histogram", fit([images]))
    assert normal.mean() == pytest.approx(0, abs=0.05)
    assert normal.std() == pytest.approx(1, abs=0.05)


def test_faults():
    with pytest.raises(DataError, match="no training images"):
        fit([])
    with pytest.raises(DataError, match="one and the same grey value"):
        fit([np.full((2, 4, 4), 9, np.uint8)])
    image = torch.zeros(1, 1, 4, 4)
    with pytest.raises(ConfigError, match="needs the training images' histogram"):
        normalize(image, "histogram", 0.5, 0.2)
    with pytest.raises(ConfigError, match="did you mean 'histogram'"):
        normalize(image, "histogramm", 0.5, 0.2)
