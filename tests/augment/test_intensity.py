from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from medcnn.augment import Augmentation
from medcnn.augment.intensity import Brightness, Contrast, Gamma
from medcnn.errors import ConfigError

CASES = {
    "brightness": ("factor", 1.3, lambda x: tv.adjust_brightness(x, 1.3)),
    "contrast": ("factor", 1.6, lambda x: tv.adjust_contrast(x, 1.6)),
    "gamma": ("exponent", 0.7, lambda x: tv.adjust_gamma(x, 0.7)),
}


def fixed(name: str) -> dict[str, dict[str, tuple[float, float]]]:
    option, value, _ = CASES[name]
    return {name: {option: (value, value)}}


@pytest.mark.parametrize("name", CASES)
def test_curve_is_torchvisions(images, name):
    tensor = torch.from_numpy(images)[:, None].float() / 255
    reference = CASES[name][2](tensor)[:, 0].numpy()
    augmentation = Augmentation(fixed(name))
    parameters = augmentation.draw(np.random.default_rng(0), len(images), 64)
    assert np.abs(augmentation.apply(images, parameters) / 255 - reference).max() <= 0.51 / 255
    ours = augmentation.apply_tensor(tensor, parameters)[:, 0].numpy()
    assert ours == pytest.approx(reference, abs=1e-6)


def test_curves_in_a_row_are_rounded_once(images):
    operators = {**fixed("brightness"), **fixed("contrast"), **fixed("gamma")}
    ours = Augmentation(operators)(images, np.random.default_rng(0))
    reference = torch.from_numpy(images)[:, None].double() / 255
    for _, _, call in CASES.values():
        reference = call(reference)
    assert np.abs(ours / 255 - reference[:, 0].numpy()).max() <= 0.51 / 255


def test_uint16_has_no_coarser_levels(images):
    wide = images.astype(np.uint16) * 257 + np.arange(64, dtype=np.uint16)
    ours = Augmentation(fixed("gamma"))(wide, np.random.default_rng(0))
    assert ours.dtype == np.uint16
    assert np.abs(ours / 65535 - (wide / 65535) ** 0.7).max() <= 0.51 / 65535


@pytest.mark.parametrize("kind", [Brightness, Contrast])
def test_negative_factor_is_refused(kind):
    with pytest.raises(ConfigError, match="factor"):
        kind(factor=(-0.5, 1))


def test_zero_exponent_is_refused():
    with pytest.raises(ConfigError, match=r"gamma\.exponent"):
        Gamma(exponent=(0, 1))
