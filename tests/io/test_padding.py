"""Pixel Padding Value in the sign of the pixels, and ranges that leave some."""

import numpy as np
import pytest

from medcnn.io.conformance.example import image_dataset
from medcnn.io.padding import padding_range

UNSIGNED = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
SIGNED = UNSIGNED.astype(np.int16) - 2000


def padding(stored, value, limit=None, vr="US", bits=16):
    dataset = image_dataset(stored, bits=bits)
    dataset.add_new("PixelPaddingValue", vr, value)
    if limit is not None:
        dataset.add_new("PixelPaddingRangeLimit", vr, limit)
    found, notes = padding_range(dataset, stored)
    return found, [note.kind for note in notes]


@pytest.mark.parametrize(
    ("stored", "value", "vr", "meant", "kinds"),
    [
        (UNSIGNED, 63536, "US", 63536, []),
        (SIGNED, -2000, "SS", -2000, []),
        (SIGNED, 63536, "US", -2000, ["padding"]),
        (UNSIGNED, -2000, "SS", 63536, ["padding"]),
        (UNSIGNED, "63536", "LO", 63536, []),
    ],
)
def test_a_value_of_the_other_sign_is_turned(stored, value, vr, meant, kinds):
    assert padding(stored, value, vr=vr) == ((meant, meant), kinds)


@pytest.mark.parametrize("value", ["none", ""])
def test_what_is_no_number_is_no_padding(value):
    assert padding(UNSIGNED, value, vr="LO") == (None, [])


def test_a_range_goes_from_either_end():
    assert padding(UNSIGNED, 60000, 65535) == ((60000, 65535), [])
    assert padding(UNSIGNED, 65535, 60000) == ((60000, 65535), [])


def test_a_range_over_everything_is_the_value_alone():
    assert padding(UNSIGNED, 0, 65535) == ((0, 0), ["padding"])
