from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from medcnn.augment.views import VIEWS, views
from medcnn.errors import ConfigError


@pytest.fixture
def tensor(images) -> torch.Tensor:
    return torch.from_numpy(images)[:, None].float() / 255


def view_tensors(name, images):
    return [view.apply_tensor(images) for view in views(name)]


@pytest.mark.parametrize("name", VIEWS)
def test_views_are_a_pure_function_of_which_the_first_is_the_image_itself(name, images, tensor):
    before = tensor.clone()
    first, second = view_tensors(name, tensor), view_tensors(name, tensor)
    assert len(first) == len(VIEWS[name])
    assert torch.equal(first[0], tensor) and torch.equal(tensor, before)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    for place, seen in enumerate(first):
        assert seen.shape == tensor.shape
        assert seen.dtype == tensor.dtype
        assert 0 <= seen.min() <= seen.max() <= 1
        assert all((seen - other).abs().max() > 0.01 for other in first[:place])
    for view, theirs in zip(views(name), first, strict=True):
        ours = view.augmentation(images, np.random.default_rng(0)) / 255
        assert np.abs(ours - theirs[:, 0].numpy()).max() < 2.5 / 255, view.name


def test_only_flips_give_up_laterality(tensor):
    # A mark in one corner: whatever the view, it stays on its side, except when mirrored.
    marked = torch.zeros(1, 1, 64, 64)
    marked[..., 24:40, 8:20] = 1
    for name in VIEWS:
        for view, seen in zip(views(name), view_tensors(name, marked), strict=True):
            left, right = seen[..., :32].sum(), seen[..., 32:].sum()
            assert (left > right) == (view.name != "mirrored"), (name, view.name)


def test_mirrored_is_torchvisions_flip(tensor):
    assert torch.allclose(view_tensors("flips", tensor)[1], tv.hflip(tensor), atol=1e-5)


def test_turns_are_torchvisions(tensor):
    for seen, degrees in zip(view_tensors("rotations", tensor)[1:], (4, -4), strict=True):
        theirs = tv.rotate(tensor, degrees, interpolation=InterpolationMode.BILINEAR)
        assert (seen - theirs)[..., 4:-4, 4:-4].abs().max() < 1e-4


def test_shifts_are_whole_pixels_where_the_side_allows(images):
    wide = torch.from_numpy(images)[:, None, :60, :60].float() / 255
    right, left, down, up = view_tensors("shifts", wide)[1:]
    assert torch.allclose(right[..., 3:], wide[..., :-3], atol=1e-4)
    assert torch.allclose(left[..., :-3], wide[..., 3:], atol=1e-4)
    assert torch.allclose(down[..., 3:, :], wide[..., :-3, :], atol=1e-4)
    assert torch.allclose(up[..., :-3, :], wide[..., 3:, :], atol=1e-4)


def test_corner_crops_are_torchvisions_resized_crops(images):
    wide = torch.from_numpy(images)[:, None, :60, :60].float() / 255
    crops = dict(zip([v.name for v in views("crops")], view_tensors("crops", wide), strict=True))
    corners = {"top left": (0, 0), "top right": (0, 6), "bottom left": (6, 0), "centre": (3, 3)}
    for name, (top, left) in corners.items():
        theirs = tv.resized_crop(wide, top, left, 54, 54, [60, 60], antialias=False)
        assert (crops[name] - theirs)[..., 2:-2, 2:-2].abs().max() < 2 / 255, name


def test_an_unknown_list_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'flips'"):
        views("flip")
