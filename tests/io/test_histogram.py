"""Counting stored values, in blocks and in samples."""

import numpy as np
import pytest

from medcnn.io import histogram
from medcnn.io.histogram import count_values


def test_counts_are_those_of_numpy_in_blocks_too(monkeypatch):
    stored = np.random.default_rng(0).integers(5, 90, 1000).astype(np.uint8)
    values, counts = np.unique(stored, return_counts=True)
    for block in (7, 1 << 18):
        monkeypatch.setattr(histogram, "BLOCK", block)
        found = count_values(stored, None)
        np.testing.assert_array_equal(found.values, values)
        np.testing.assert_array_equal(found.counts, counts)


def test_large_floating_images_are_counted_in_every_nth_pixel(monkeypatch):
    monkeypatch.setattr(histogram, "_MOST_SORTED", 1000)
    stored = np.random.default_rng(0).normal(size=(100, 100))
    found = count_values(stored, None)
    assert int(found.counts.sum()) == 1000
    low, high = np.percentile(stored, [5, 95])
    assert found.percentile(found.values, 5) == pytest.approx(low, abs=0.15)
    assert found.percentile(found.values, 95) == pytest.approx(high, abs=0.15)


def test_an_image_of_padding_alone_is_counted_whole():
    found = count_values(np.full(4, 9, np.uint8), (9.0, 9.0))
    assert (found.values.tolist(), found.counts.tolist()) == ([9.0], [4])


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        count_values(np.array([0.0, np.nan]), None)
