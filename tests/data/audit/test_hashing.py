import cv2
import numpy as np
import pytest
from scipy.fft import dctn

from medcnn.data.audit import hashing
from medcnn.data.audit.hashing import (
    BITS,
    WINDOWS,
    Population,
    coefficients,
    cosines,
    find_candidates,
    hamming,
    hash_windows,
    population_of,
    thumbnails,
)


def test_thumbnails_are_64_pixels_of_8_bits(pictures):
    images = np.stack(pictures(2))
    np.testing.assert_array_equal(
        thumbnails(images)[0], cv2.resize(images[0], (64, 64), interpolation=cv2.INTER_AREA)
    )
    deep = images.astype(np.uint16) * 257
    assert np.abs(thumbnails(deep).astype(int) - thumbnails(images)).max() <= 1
    assert thumbnails(images[:, :28, :28]).shape == (2, 64, 64)


def test_coefficients_are_scipys_dct_of_32_cells_without_the_mean(pictures):
    small = thumbnails(np.stack(pictures(3)))
    cells = small.reshape(3, 32, 2, 32, 2).mean(axis=(2, 4))
    expected = dctn(cells, axes=(1, 2), norm="ortho")[:, :8, :8].reshape(3, -1)[:, 1:]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(coefficients(small), expected, atol=1e-5)


def test_coefficients_ignore_brightness_and_contrast(pictures):
    small = thumbnails(np.stack(pictures(3)))
    paler = (small // 2 + 30).astype(np.uint8)
    np.testing.assert_allclose(coefficients(paler), coefficients(small), atol=0.02)


def test_a_window_is_what_a_crop_shows(pictures):
    image = pictures(1, side=160)[0]
    (top, bottom), (left, right) = WINDOWS[11]
    box = [round(160 * edge) for edge in (top, bottom, left, right)]
    cropped = thumbnails(image[None, box[0] : box[1], box[2] : box[3]])
    seen = coefficients(thumbnails(image[None]), 11)
    assert float((coefficients(cropped) * seen).sum()) > 0.999


def test_every_bit_divides_the_data_set_in_halves(pictures):
    small = thumbnails(np.stack(pictures(64)))
    bits = hash_windows(small, population_of(small))[0]
    ones = [(int(word) >> bit) & 1 for word in bits for bit in range(BITS)]
    assert np.reshape(ones, (64, BITS)).mean(axis=0) == pytest.approx(0.5, abs=0.02)


def test_hamming_counts_differing_bits():
    one, other = np.array([0, 2**63 - 1, 5], np.uint64), np.array([0, 0, 6], np.uint64)
    assert hamming(one, other).tolist() == [0, 63, 2]


def test_close_hashes_are_found_once_and_distant_ones_are_not():
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**63, 500, dtype=np.uint64)
    words[7] = words[3] ^ np.uint64(0b101)
    words[9] = words[8] ^ np.uint64(0x3FFFF)
    found = find_candidates(np.stack([words] * len(WINDOWS)))
    pairs = {
        frozenset(pair) for pair in zip(found.left.tolist(), found.right.tolist(), strict=True)
    }
    assert pairs == {frozenset((3, 7))}
    assert (len(found), found.distance.tolist(), found.left_out) == (1, [2], 0)


def test_full_buckets_are_cut_and_counted(monkeypatch):
    monkeypatch.setattr(hashing, "MAX_BUCKET", 4)
    found = find_candidates(np.zeros((len(WINDOWS), 10), np.uint64))
    assert found.left_out > 0
    assert 0 < len(found) < 45


def test_no_images_give_no_candidates():
    assert len(find_candidates(np.zeros((len(WINDOWS), 0), np.uint64))) == 0


def test_cosines_compare_through_the_window(pictures):
    small = thumbnails(np.stack(pictures(40)))
    usual = population_of(small)
    same = cosines(small, small, np.zeros(40, np.int64), usual)
    np.testing.assert_allclose(same, 1, atol=1e-5)
    turned = cosines(small, small[::-1], np.zeros(40, np.int64), usual)
    assert np.abs(turned).max() < 0.75


def test_a_population_without_variation_gives_numbers():
    same = np.full((3, 64, 64), 9, np.uint8)
    usual = population_of(same)
    assert isinstance(usual, Population)
    assert np.isfinite(usual.standardise(coefficients(same))).all()
