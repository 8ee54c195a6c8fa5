"""What the conformance cases leave open: large and floating images, estimates and their limits."""

import numpy as np
import pytest

from medcnn.io import greyscale
from medcnn.io.conformance.example import image_dataset
from medcnn.io.greyscale import choose_greyscale


def test_percentiles_are_those_of_numpy():
    stored = np.random.default_rng(0).gamma(2, 300, (97, 89)).astype(np.uint16)
    chosen = choose_greyscale(image_dataset(stored, bits=16), stored)
    low, high = np.percentile(stored, [0.5, 99.5], method="inverted_cdf")
    expected = np.clip((stored.astype(float) - low) / (high - low), 0, 1)
    np.testing.assert_allclose(chosen(stored), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("photometric", "elements"),
    [
        ("MONOCHROME2", {"WindowCenter": 100, "WindowWidth": 2500}),
        ("MONOCHROME1", {"RescaleSlope": "-1.5", "RescaleIntercept": "-7"}),
        ("MONOCHROME2", {"WindowCenter": 9, "WindowWidth": 50, "VOILUTFunction": "LINEAR_EXACT"}),
    ],
)
def test_slope_and_intercept_are_the_whole_of_an_affine_grey_scale(photometric, elements):
    stored = np.random.default_rng(0).integers(-2000, 2000, (61, 53)).astype(np.int16)
    elements |= {"PhotometricInterpretation": photometric}
    chosen = choose_greyscale(image_dataset(stored, bits=16, **elements), stored)
    slope, intercept = chosen.affine
    expected = np.clip(slope * stored.astype(np.float64) + intercept, 0, 1)
    np.testing.assert_allclose(chosen(stored), expected, atol=1e-6)


@pytest.mark.parametrize(
    "elements",
    [
        {"WindowCenter": 100, "WindowWidth": 2500, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": 1, "WindowWidth": 1},  # a threshold
    ],
)
def test_other_grey_scales_are_not_affine(elements):
    stored = np.array([[0, 1]], np.int16)
    assert choose_greyscale(image_dataset(stored, bits=16, **elements), stored).affine is None


def test_tables_and_blocks_give_what_the_formula_gives(monkeypatch):
    stored = np.random.default_rng(0).integers(-2000, 2000, (61, 53)).astype(np.int16)
    dataset = image_dataset(stored, bits=16, RescaleSlope="1.5", RescaleIntercept="-7")
    dataset.WindowCenter, dataset.WindowWidth = 100, 2500
    expected = np.clip((stored * 1.5 - 7 - 99.5) / 2499 + 0.5, 0, 1)
    for block, widest in ((7, 1 << 20), (1 << 18, 1 << 20), (7, 1)):
        monkeypatch.setattr(greyscale, "BLOCK", block)
        monkeypatch.setattr(greyscale, "WIDEST_TABLE", widest)
        np.testing.assert_allclose(choose_greyscale(dataset, stored)(stored), expected, atol=1e-6)
