import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from medcnn.errors import ConfigError
from medcnn.layers.windows import Window
from medcnn.models.arithmetic import (
    Field,
    convolution_multiply_adds,
    convolution_parameters,
    output_size,
    size_working,
)


def test_the_lectures_convolution():
    # Ten 5×5 filters with stride 1 and pad 2 on 3×32×32: 10×32×32, 10·(3·5·5 + 1) parameters,
    # 10·32·32 inner products of 75 numbers.
    assert output_size(32, Window(5, stride=1, padding=2)) == 32
    assert convolution_parameters(3, 1, (5, 5)) == 76
    assert convolution_parameters(3, 10, (5, 5)) == 760
    assert convolution_multiply_adds(3, (10, 32, 32), (5, 5)) == 768_000


@pytest.mark.each(
    ("n", "window", "expected"),
    [
        (224, Window(2, stride=2), 112),  # 224×224×64 is pooled to 112×112×64
        (4, Window(2, stride=2), 2),  # the 4×4 slice of the pooling example
        (55, Window(3, stride=2), 27),  # AlexNet's overlapping pooling
        (227, Window(11, stride=4), 55),  # AlexNet's first layer, 227 pixels
        (224, Window(7, stride=2, padding=3), 112),  # ResNet's first layer
        (7, Window(3), 5),  # without padding the size falls
        (7, Window(3, padding=1), 7),
        (7, Window(3, dilation=2), 3),
    ],
)
def test_sizes_of_the_textbooks(n, window, expected):
    assert output_size(n, window) == expected
    # (n' - 1)·S + F <= n + 2P, and one more window would not fit.
    reach = (expected - 1) * window.stride + window.span
    assert reach <= n + 2 * window.padding < reach + window.stride


@given(
    n=st.integers(1, 40),
    size=st.integers(1, 7),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 3),
    ceil=st.booleans(),
)
def test_sizes_are_torchs(n, size, stride, padding, dilation, ceil):
    window = Window(size, stride, min(padding, size // 2), dilation, ceil)
    pool = nn.MaxPool1d(size, stride, window.padding, dilation, ceil_mode=ceil)
    try:
        expected = pool(torch.zeros(1, 1, n)).shape[-1]
    except RuntimeError:
        with pytest.raises(ConfigError, match="does not fit"):
            output_size(n, window)
    else:
        assert output_size(n, window) == expected


def test_the_working_is_shown():
    assert size_working(224, Window(7, 2, 3)) == "(224 + 2·3 - 7)/2 + 1 = 112"


@given(
    groups=st.sampled_from([1, 2, 4]),
    inputs=st.sampled_from([4, 8]),
    outputs=st.sampled_from([4, 12]),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    bias=st.booleans(),
)
def test_parameters_are_torchs(groups, inputs, outputs, height, width, bias):
    layer = nn.Conv2d(inputs, outputs, (height, width), groups=groups, bias=bias)
    expected = sum(p.numel() for p in layer.parameters())
    found = convolution_parameters(inputs, outputs, (height, width), groups=groups, bias=bias)
    assert found == expected


def test_a_depthwise_convolution_costs_a_channel_less():
    whole = convolution_multiply_adds(32, (32, 8, 8), (3, 3))
    assert convolution_multiply_adds(32, (32, 8, 8), (3, 3), groups=32) * 32 == whole


def test_three_3x3_see_what_one_7x7_sees():
    # Simonyan and Zisserman 2015, section 2.3.
    field = Field()
    for _ in range(3):
        field = field.through(Window(3, padding=1))
    assert field == Field(7, 1) == Field().through(Window(7))


def test_strides_multiply_what_follows():
    field = Field().through(Window(3, stride=2)).through(Window(3, stride=2)).through(Window(3))
    assert field == Field(3 + 2 * 2 + 2 * 4, 4)
    assert Field(3, 2).joined(Field(7, 1)) == Field(7, 2)
