"""Declared bits and signs against values that are smooth, as those of a radiograph are."""

import numpy as np
import pytest

from medcnn.io.agreement import agreed
from medcnn.io.conformance.example import image_dataset
from medcnn.io.pixel_module import read_pixel_module

RNG = np.random.default_rng(0)
Y, X = np.mgrid[:128, :128] / 128
SMOOTH = 0.5 + 0.45 * np.sin(5 * X) * np.cos(4 * Y) + RNG.normal(0, 0.005, X.shape)
UNIT = np.clip(SMOOTH, 0, 1)


def of_range(low, high, dtype):
    return np.round(low + UNIT * (high - low)).astype(dtype)


def settle(values, bits, **elements):
    dataset = image_dataset(values, bits=bits, **elements)
    module = read_pixel_module(dataset, "a.dcm", 10**6)
    found, notes = agreed(values, module, dataset, is_native=True)
    return found.astype(int), [note.kind for note in notes]


@pytest.mark.each(
    ("values", "bits", "kinds"),
    [
        (of_range(0, 4095, "u2"), 12, []),
        (of_range(0, 65535, "u2"), 16, []),
        (of_range(-2048, 2047, "i2"), 12, []),
        (of_range(-32768, 32767, "i2"), 16, []),
        (of_range(0, 255, "u1"), 8, []),
        # All of 14 bits are in use under a declaration of 12, and of 10.
        (of_range(0, 16383, "u2"), 12, ["bits"]),
        (of_range(0, 4095, "u2"), 10, ["bits"]),
        (of_range(-8000, 8000, "i2"), 12, ["bits"]),
    ],
)
def test_values_stay_what_they_are(values, bits, kinds):
    found, said = settle(values, bits)
    np.testing.assert_array_equal(found, values)
    assert said == kinds


def test_random_values_of_more_bits_are_taken_too():
    values = RNG.permutation(of_range(0, 4095, "u2").ravel()).reshape(128, 128)
    found, said = settle(values, 10)
    np.testing.assert_array_equal(found, values)
    assert said == ["bits"]


@pytest.mark.parametrize("bit", [12, 15])
def test_an_overlay_in_unused_bits_is_cleared(bit):
    values = of_range(0, 4095, "u2")
    drawn = values | (((X * 20).astype(int) % 7 == 0) << bit).astype("u2")
    found, said = settle(drawn, 12)
    np.testing.assert_array_equal(found, values)
    assert said == []


@pytest.mark.parametrize(("low", "high", "bits"), [(-2000, 1500, 12), (-9000, 3000, 16)])
def test_a_sign_that_is_not_declared_is_seen(low, high, bits):
    values = of_range(low, high, "i2")
    written = values.view("u2") & np.uint16(2**bits - 1)
    found, said = settle(written, bits)
    np.testing.assert_array_equal(found, values)
    assert said == ["sign"]


@pytest.mark.parametrize(("low", "high", "bits"), [(100, 3500, 12), (500, 50000, 16)])
def test_a_sign_that_is_declared_and_not_there_is_seen(low, high, bits):
    values = of_range(low, high, "u2")
    found, said = settle(values.view("i2"), bits)
    np.testing.assert_array_equal(found, values)
    assert said == ["sign"]


def test_a_sign_that_is_not_extended_is_one():
    values = of_range(-2000, 1500, "i2")
    found, said = settle(values & np.int16(0x0FFF), 12)
    np.testing.assert_array_equal(found, values)
    assert said == []


@pytest.mark.parametrize("top", [4095, 65535])
def test_air_that_saturates_beside_a_dark_body_has_no_sign(top):
    values = of_range(0, top * 0.3, "u2")
    values[:, :30] = np.round(top - RNG.integers(0, 60, (128, 30))).astype("u2")
    found, said = settle(values, int(top).bit_length())
    np.testing.assert_array_equal(found, values)
    assert said == []


def test_text_at_the_top_has_no_sign():
    values = of_range(0, 1000, "u2")
    values[5:15, 5:60:3] = 4095
    assert settle(values, 12)[1] == []


@pytest.mark.parametrize(
    ("values", "high", "shift", "kinds"),
    [
        (of_range(0, 4095, "u2") << 4, 15, 4, ["bits"]),
        # The high bit says they are shifted, and they are not.
        (of_range(0, 4095, "u2"), 15, 0, ["bits"]),
        (of_range(0, 4095, "u2"), 11, 0, []),
    ],
)
def test_a_high_bit_is_held_against_the_values(values, high, shift, kinds):
    found, said = settle(values, 12, HighBit=high)
    np.testing.assert_array_equal(found, values >> shift)
    assert said == kinds
