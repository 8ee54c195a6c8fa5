import numpy as np
import pytest

from medcnn.io.lut import Window


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


@pytest.mark.each(
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
