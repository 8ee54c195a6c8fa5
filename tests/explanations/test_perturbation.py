import numpy as np
import pytest
import torch
from sklearn.metrics import auc

from medcnn.explanations.attribution import blurred
from medcnn.explanations.perturbation import (
    area_under,
    deletion_and_insertion,
    random_heat,
    ranks,
)


def centre(image_N1HW):
    """A probability that hangs on the bright square in the middle alone."""
    return image_N1HW[:, 0, 12:20, 12:20].mean((1, 2)).double().numpy()


@pytest.fixture
def dot():
    image = torch.zeros(1, 1, 32, 32)
    image[..., 12:20, 12:20] = 1.0
    return image


def test_the_right_heat_deletes_fast_and_inserts_fast(dot):
    right = dot[:, 0]
    deleted, inserted = deletion_and_insertion(centre, dot, right, steps=16)
    random = deletion_and_insertion(centre, dot, random_heat(1, (32, 32), 0), steps=16)
    wrong = deletion_and_insertion(centre, dot, 1 - right, steps=16)
    for worse in (random, wrong):
        assert area_under(deleted) < area_under(worse[0])
        assert area_under(inserted) > area_under(worse[1])
    # The square is a sixteenth of the image: one step takes it away.
    blur = centre(blurred(dot))
    np.testing.assert_allclose(deleted[0], [1.0] + [blur[0]] * 16, atol=1e-6)
    np.testing.assert_allclose(inserted[0], [blur[0]] + [1.0] * 16, atol=1e-6)


def test_the_curves_meet_at_the_whole_image_and_at_nothing(dot):
    deleted, inserted = deletion_and_insertion(centre, dot, torch.rand(1, 32, 32), steps=5)
    assert deleted[0, 0] == inserted[0, -1] == 1.0
    assert deleted[0, -1] == inserted[0, 0] == centre(blurred(dot))[0]
    assert deleted.shape == inserted.shape == (1, 6)


def test_batches_change_nothing():
    image, heat = torch.rand(5, 1, 16, 16), torch.rand(5, 16, 16)
    whole = deletion_and_insertion(centre_of_16, image, heat, steps=4)
    split = deletion_and_insertion(centre_of_16, image, heat, steps=4, batch_size=2)
    np.testing.assert_array_equal(whole, split)


def centre_of_16(image_N1HW):
    return image_N1HW[:, 0, 4:12, 4:12].mean((1, 2)).double().numpy()


def test_the_area_is_scikit_learns():
    curve = np.random.default_rng(0).random((3, 11))
    expected = [auc(np.linspace(0, 1, 11), row) for row in curve]
    np.testing.assert_allclose(area_under(curve), expected)


def test_ranks_follow_the_heat_and_break_ties_by_the_seed_alone():
    heat = torch.rand(2, 9, 9)
    found = ranks(heat)
    assert torch.equal(found.flatten(1).argsort(1), heat.flatten(1).argsort(1, descending=True))
    heat = torch.zeros(1, 16, 16)
    heat[0, 3, 4] = 1.0
    first, again, other = ranks(heat), ranks(heat), ranks(heat, seed=1)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first[0, 3, 4] == 0
    assert first.flatten().sort()[0].tolist() == list(range(256))


def test_random_heat_is_smooth_and_seeded():
    heat = random_heat(3, (64, 64), 7)
    assert heat.shape == (3, 64, 64) and heat.min() >= 0 and heat.max() <= 1
    assert torch.equal(heat, random_heat(3, (64, 64), 7))
    assert (heat[:, 1:] - heat[:, :-1]).abs().max() < 0.3
