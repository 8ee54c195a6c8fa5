from __future__ import annotations

import numpy as np
import pytest
import torch

from medcnn.augment import Augmentation
from medcnn.augment.style import Style
from medcnn.errors import ConfigError


@pytest.fixture
def batch(images) -> tuple[torch.Tensor, torch.Tensor]:
    return 0.25 + torch.from_numpy(images)[:, None] / 510, torch.tensor([0.0, 1.0, 0.0, 1.0])


def test_a_whole_share_is_the_partners_amplitude_below_the_reach_as_numpy_has_it(batch):
    image, label = batch
    values = {"partner": np.array([1, 0, 3, 2]), "share": np.ones(4)}
    changed, same = Style(reach=0.05).mix(image, label, values)
    own, other = (np.fft.fft2(image[row, 0].numpy()) for row in (0, 1))
    frequency = np.abs(np.fft.fftfreq(64))
    low = (frequency[:, None] <= 0.05) & (frequency[None] <= 0.05)
    amplitude = np.where(low, np.abs(other), np.abs(own))
    expected = np.fft.ifft2(amplitude * np.exp(1j * np.angle(own))).real.clip(0, 1)
    assert np.abs(changed[0, 0].numpy() - expected).max() < 1e-5
    assert torch.equal(same, label)


def test_without_a_share_nothing_changes(batch):
    values = {"partner": np.array([1, 0, 3, 2]), "share": np.zeros(4)}
    assert torch.allclose(Style().mix(*batch, values)[0], batch[0], atol=1e-5)


def test_the_mean_follows_the_partner_and_the_label_does_not(batch):
    image, label = batch
    image = torch.cat([image[:2] * 0.5, image[2:]])
    augmentation = Augmentation({"style": {"p": 1.0, "strength": 1.0}})
    changed, labels = augmentation.mix(image, label, np.random.default_rng(1))
    assert torch.equal(labels, label)
    assert (changed.mean((1, 2, 3)) - image.mean((1, 2, 3))).abs().max() > 0.02


@pytest.mark.parametrize("options", [{"strength": 1.5}, {"reach": 0.6}, {"p": -1}])
def test_slips(options):
    with pytest.raises(ConfigError, match=f"style.{next(iter(options))} cannot be"):
        Style(**options)
