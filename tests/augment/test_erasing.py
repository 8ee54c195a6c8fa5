from __future__ import annotations

import numpy as np
import pytest
import torch

from medcnn.augment import Augmentation
from medcnn.augment.erasing import Cutout, Erasing, pixels_of
from medcnn.errors import ConfigError

RNG = np.random.default_rng
WHITE = np.full((400, 100, 100), 200, np.uint8)


def test_a_box_in_pixels():
    assert pixels_of(np.array([0.1, 0.2, 0.3, 0.5]), (100, 200)) == (slice(10, 40), slice(40, 140))
    # Over the edges: cut, never negative.
    assert pixels_of(np.array([-0.1, 0.9, 0.3, 0.5]), (10, 10)) == (slice(0, 2), slice(9, 10))
    assert pixels_of(np.array([-0.5, 0, 0.2, 1]), (10, 10)) == (slice(0, 0), slice(0, 10))


def test_erasing_has_the_area_and_shape_that_torchvision_draws():
    # RandomErasing(scale, ratio): the area is uniform, the ratio of height to width log-uniform.
    boxes = Erasing(area=(0.02, 0.2), ratio=(0.5, 2.0)).draw(RNG(0), 20_000)["boxes"][:, 0]
    area, ratio = boxes[:, 2] * boxes[:, 3], boxes[:, 2] / boxes[:, 3]
    assert 0.02 <= area.min() <= area.max() <= 0.2
    assert area.mean() == pytest.approx(0.11, rel=0.02)
    assert 0.5 <= ratio.min() <= ratio.max() <= 2.0
    assert np.log(ratio).mean() == pytest.approx(0, abs=0.02)
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= 1 + 1e-12).all()


def test_what_is_erased_is_one_rectangle_of_the_fill():
    ours = Augmentation({"erasing": {"p": 1, "area": (0.05, 0.1), "fill": 0.5}})(WHITE, RNG(1))
    for image in ours:
        rows, columns = np.nonzero(image == 128)
        assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        assert 0.04 < len(rows) / image.size < 0.11
        assert (image == 200).sum() + len(rows) == image.size


def test_cutout_squares_may_reach_over_the_edge():
    ours = Augmentation({"cutout": {"p": 1, "side": 0.2, "holes": 1}})(WHITE, RNG(2))
    area = (ours == 0).mean(axis=(1, 2))
    assert area.max() == pytest.approx(0.04, abs=0.005)
    # A centre is uniform, so along one axis the mean of what stays inside is 0.2 - 2 * 0.1²/2.
    assert area.mean() == pytest.approx(0.19**2, rel=0.05)


def test_more_holes_hide_more():
    one, four = (
        (Augmentation({"cutout": {"p": 1, "holes": n}})(WHITE, RNG(3)) == 0).mean() for n in (1, 4)
    )
    assert four > 3 * one


@pytest.mark.parametrize("name", ["erasing", "cutout"])
def test_both_engines_erase_the_same(images, name):
    augmentation = Augmentation({name: {"p": 0.7, "fill": 0.25}})
    parameters = augmentation.draw(RNG(4), len(images), 64)
    tensor = torch.from_numpy(images)[:, None].float() / 255
    ours = augmentation.apply(images, parameters) / 255
    theirs = augmentation.apply_tensor(tensor, parameters)[:, 0].numpy()
    assert np.abs(ours - theirs).max() <= 0.51 / 255


def test_impossible_values():
    with pytest.raises(ConfigError, match="1 to 16"):
        Cutout(holes=0)
    with pytest.raises(ConfigError, match=r"erasing\.fill"):
        Erasing(fill=2)
    with pytest.raises(ConfigError, match=r"erasing\.area"):
        Erasing(area=0.5)
