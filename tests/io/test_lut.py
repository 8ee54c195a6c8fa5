import numpy as np
import pytest
from pydicom.dataset import Dataset

from medcnn.io.conformance.example import image_dataset, lut_item
from medcnn.io.lut import Lut, Window, numbers, read_lut, windows

PLAIN = image_dataset(np.zeros((1, 1), np.uint16))


@pytest.mark.parametrize(
    ("center", "width", "values", "expected"),
    [
        # The examples of PS3.3 C.11.2.1.2.1.
        (2048, 4096, [0, 4095], [0, 1]),
        (2048, 1, [2047, 2047.5, 2048], [0, 0, 1]),
        (0, 100, [-50, 49, 50], [0, 1, 1]),
        (0, 1, [-0.5, 0], [0, 1]),
    ],
)
def test_the_examples_of_the_standard(center, width, values, expected):
    found = Window(center, width)(np.array(values, float))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("width", "function", "valid"),
    [
        (1, "LINEAR", True),
        (0.99, "LINEAR", False),
        (0.01, "LINEAR_EXACT", True),
        (0, "LINEAR_EXACT", False),
        (-5, "SIGMOID", False),
        (float("inf"), "LINEAR", False),
        (float("nan"), "LINEAR", False),
    ],
)
def test_widths_that_the_standard_defines(width, function, valid):
    assert Window(0, width, function).is_valid is valid


def test_a_sigmoid_far_from_its_centre_does_not_overflow():
    with np.errstate(over="raise"):
        found = Window(0, 1e-3, "SIGMOID")(np.array([-1e9, 1e9]))
    np.testing.assert_allclose(found, [0, 1], atol=1e-12)


def test_a_count_of_zero_means_65536_entries():
    entries = np.arange(65536)
    table = read_lut(lut_item((0, 0, 16), entries), PLAIN, is_signed=False)
    assert len(table.entries) == 65536
    assert table(np.array([65535.0]))[0] == 65535


def test_the_first_value_has_a_sign_only_where_the_input_has():
    item = lut_item((2, 65535, 8), (3, 4))
    assert read_lut(item, PLAIN, is_signed=True).first == -1
    assert read_lut(item, PLAIN, is_signed=False).first == 65535


def test_a_table_above_its_bits_still_ends_at_one():
    assert Lut(np.array([0.0, 300.0]), 0, 8).top == 300


@pytest.mark.parametrize(
    ("descriptor", "data"),
    [(None, b"\0\0"), ([2, 0], b"\0\0\0\0"), ([2, 0, 8], None), ([2, 0, 40], b"\0\0\0\0")],
)
def test_a_broken_table_is_an_error(descriptor, data):
    item = Dataset()
    if descriptor is not None:
        item.add_new("LUTDescriptor", "US", descriptor)
    if data is not None:
        item.add_new("LUTData", "OW", data)
    with pytest.raises(ValueError, match="LUT"):
        read_lut(item, PLAIN, is_signed=False)


def test_windows_pair_up_as_far_as_they_go():
    dataset = image_dataset(np.zeros((1, 1), np.uint16), WindowCenter=[1, 2, 3], WindowWidth=[4, 5])
    assert [(window.center, window.width) for window in windows(dataset)] == [(1, 4), (2, 5)]


def test_numbers_of_what_is_none_are_none():
    dataset = Dataset()
    dataset.add_new("Rows", "LO", "many")
    assert numbers(dataset, "Rows") == []
    assert numbers(dataset, "Columns") == []
