from __future__ import annotations

import numpy as np
import pytest
import torch

from medcnn.augment import Augmentation
from medcnn.augment.mixing import CutMix, Mixup
from medcnn.errors import ConfigError

RNG = np.random.default_rng


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.arange(4.0).reshape(4, 1, 1, 1).expand(4, 1, 8, 8) / 4
    return image, torch.tensor([0.0, 1.0, 0.0, 1.0])


def test_mixup_by_hand(batch):
    values = {"weight": np.array(0.75), "partner": np.array([1, 2, 3, 0]), "place": np.zeros(2)}
    image, label = Mixup().mix(*batch, values)
    assert image[:, 0, 0, 0].tolist() == pytest.approx([0.0625, 0.3125, 0.5625, 0.5625])
    assert label.tolist() == pytest.approx([0.25, 0.75, 0.25, 0.75])


def test_cutmix_by_hand(batch):
    # A weight of 0.75 pastes a square of half the side: 4 of 8 pixels, a quarter of the area.
    values = {
        "weight": np.array(0.75),
        "partner": np.array([1, 2, 3, 0]),
        "place": np.array([0.5, 0.5]),
    }
    image, label = CutMix().mix(*batch, values)
    assert (image[0] == 0.25).sum() == 16
    assert (image[0] == 0).sum() == 48
    assert label.tolist() == pytest.approx([0.25, 0.75, 0.25, 0.75])


def test_labels_of_cutmix_are_the_share_of_pixels(batch):
    for seed in range(50):
        values = CutMix(p=1).draw(RNG(seed), 4)
        image, label = CutMix(p=1).mix(*batch, values)
        for row, partner in enumerate(values["partner"]):
            own = (image[row] == batch[0][row]).float().mean()
            expected = own * batch[1][row] + (1 - own) * batch[1][partner]
            assert label[row] == pytest.approx(float(expected), abs=1e-6)


def test_weights_follow_their_beta_distribution():
    rng = RNG(0)
    weight = np.array([Mixup(alpha=0.4).draw(rng, 1)["weight"] for _ in range(5000)])
    assert weight.mean() == pytest.approx(0.5, abs=0.02)
    assert weight.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.05)


def test_mixing_happens_to_whole_batches_with_its_probability(batch):
    augmentation = Augmentation({"mixup": {"p": 0.3, "alpha": 1.0}})
    rng = RNG(1)
    changed = [not torch.equal(augmentation.mix(*batch, rng)[1], batch[1]) for _ in range(1000)]
    # Of the 24 permutations, 2!·2! give every image a partner of its own class.
    labels_move = 1 - 4 / 24
    assert np.mean(changed) == pytest.approx(0.3 * labels_move, abs=0.05)


def test_the_given_batch_is_left_as_it_was(batch):
    image, label = batch[0].clone(), batch[1].clone()
    augmentation = Augmentation({"mixup": {"p": 1}, "cutmix": {"p": 1}})
    augmentation.mix(image, label, RNG(0))
    assert torch.equal(image, batch[0])
    assert torch.equal(label, batch[1])


def test_one_seed_is_one_mixture(batch):
    augmentation = Augmentation({"mixup": {"p": 0.5}, "cutmix": {"p": 0.5}})
    first, second = (augmentation.mix(*batch, RNG(7)) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


def test_an_image_alone_is_mixed_with_itself():
    image, label = torch.rand(1, 1, 8, 8), torch.tensor([1.0])
    mixed, labels = Augmentation({"mixup": {"p": 1}, "cutmix": {"p": 1}}).mix(image, label, RNG(0))
    assert torch.allclose(mixed, image)
    assert labels.tolist() == [1.0]


def test_alpha_of_zero_is_refused():
    with pytest.raises(ConfigError, match=r"mixup\.alpha"):
        Mixup(alpha=0)
