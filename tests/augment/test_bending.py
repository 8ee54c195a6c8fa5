from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from medcnn.augment import Augmentation
from medcnn.augment.bending import Elastic, Lens
from medcnn.errors import ConfigError

RNG = np.random.default_rng


def sampled(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return map_coordinates(image.astype(float), [y, x], order=1, mode="grid-constant")


def test_lens_is_sampled_as_scipy_does(images):
    ours = Augmentation({"lens": {"k": (0.15, 0.15)}})(images, RNG(0)).astype(float)
    y, x = np.mgrid[:64, :64] - 31.5
    factor = 1 + 0.15 * (x**2 + y**2) / (32**2 + 32**2)
    for image, our in zip(images, ours, strict=True):
        assert np.abs(our - sampled(image, x * factor + 31.5, y * factor + 31.5)).max() < 2.5


def test_constant_elastic_field_is_a_translation(images):
    augmentation = Augmentation({"elastic": {"displacement": 0.02, "cells": 4}})
    parameters = augmentation.draw(RNG(0), len(images), 64)
    parameters.values["elastic"]["field"][:, 0] = 4 / 64
    parameters.values["elastic"]["field"][:, 1] = -2 / 64
    ours = augmentation.apply(images, parameters)
    assert np.abs(ours[:, 2:, :60].astype(int) - images[:, :-2, 4:]).max() <= 1


def test_elastic_displaces_by_its_standard_deviation():
    field = Elastic(displacement=0.02, cells=8).draw(RNG(0), 400)["field"]
    assert field.shape == (400, 2, 8, 8)
    assert field.std() == pytest.approx(0.02, rel=0.02)


def test_inactive_images_are_untouched(images):
    augmentation = Augmentation({"elastic": {"p": 0.5, "displacement": 0.05}, "lens": {"p": 0.0}})
    parameters = augmentation.draw(RNG(3), len(images), 64)
    parameters.values["elastic"]["active"][:] = [True, False, True, False]
    ours = augmentation.apply(images, parameters)
    same = [np.array_equal(a, b) for a, b in zip(ours, images, strict=True)]
    assert same == [False, True, False, True]


@pytest.mark.parametrize("cells", [2, 17, 4.5, 5.0])
def test_unusable_grid_is_refused(cells):
    with pytest.raises(ConfigError, match="3 to 16"):
        Elastic(cells=cells)


def test_lens_that_folds_the_image_is_refused():
    with pytest.raises(ConfigError, match=r"lens\.k"):
        Lens(k=(-0.9, 0))
