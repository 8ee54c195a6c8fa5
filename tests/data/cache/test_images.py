from __future__ import annotations

import pickle

import numpy as np
import pytest

from medcnn.errors import DataError


@pytest.fixture
def images():
    return list(np.random.default_rng(0).integers(0, 256, (40, 48, 40), np.uint8))


def test_images_come_in_the_order_that_is_asked_for(stored, images):
    _, cache = stored(images, size=32, label=[0, 1] * 20)
    every = cache.take(np.arange(40))
    assert every.shape == (40, 32, 32)
    assert np.array_equal(cache.take([31, 2, 2]), every[[31, 2, 2]])
    assert cache.take([]).shape == (0, 32, 32)


def test_rows_of_finds_images_by_identifier(stored, images):
    _, cache = stored(images, label=[0, 1] * 20)
    assert cache.rows_of(["i7", "i0"]).tolist() == [7, 0]
    with pytest.raises(DataError, match="'i99' is not in the cache"):
        cache.rows_of(["i0", "i99"])


def test_digest_names_the_pixels_and_their_order(stored, images):
    images[3] = images[1]
    _, cache = stored(images, label=[0, 1] * 20)
    assert cache.digest_of([1]) == cache.digest_of([3]) != cache.digest_of([2])
    assert cache.digest_of([1, 2]) != cache.digest_of([2, 1])
    assert cache.digest == cache.digest_of(range(40))


def test_facts_are_those_of_the_originals(stored, images):
    images[5] = images[5][:30, :20]
    _, cache = stored(images, label=[0, 1] * 20)
    facts = cache.facts_of([5, 0], ("rows", "columns", "kind"))
    assert facts.to_numpy().tolist() == [[30, 20, "png"], [48, 40, "png"]]
    assert cache.facts["image_id"].tolist() == [f"i{row}" for row in range(40)]


def test_pickle_carries_no_pixels(stored, images):
    _, cache = stored(images, label=[0, 1] * 20)
    taken = cache.take(np.arange(40))
    data = pickle.dumps(cache)
    assert len(data) < taken.nbytes / 10
    assert np.array_equal(pickle.loads(data).take(np.arange(40)), taken)  # noqa: S301
