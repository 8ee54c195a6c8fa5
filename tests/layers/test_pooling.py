import hypothesis.strategies as st
import pytest
import torch
from hypothesis import example, given, settings
from torch import nn

from medcnn.errors import ConfigError
from medcnn.layers.pooling import AvgPool2d, MaxPool2d


@settings(max_examples=30, deadline=None)
@given(
    kernel=st.integers(2, 3), stride=st.integers(1, 3), pad=st.booleans(), ceil=st.booleans(),
    size=st.tuples(st.integers(4, 9), st.integers(4, 9)), seed=st.integers(0, 999),
)  # fmt: skip
@example(kernel=3, stride=3, pad=True, ceil=True, size=(5, 9), seed=0)
@example(kernel=3, stride=3, pad=True, ceil=True, size=(9, 5), seed=0)
def test_both_poolings_for_any_geometry(kernel, stride, pad, ceil, size, seed):
    torch.manual_seed(seed)
    x = torch.randn(2, 2, *size, dtype=torch.float64)
    options = {"kernel_size": kernel, "stride": stride, "padding": int(pad), "ceil_mode": ceil}
    for ours, theirs in ((MaxPool2d, nn.MaxPool2d), (AvgPool2d, nn.AvgPool2d)):
        grads = []
        for found in (ours, theirs):
            leaf = x.clone().requires_grad_()
            out = found(**options)(leaf)
            out.square().sum().backward()
            grads.append((out.detach(), leaf.grad))
        torch.testing.assert_close(grads[0][0], grads[1][0], rtol=0, atol=1e-12)
        torch.testing.assert_close(grads[0][1], grads[1][1], rtol=0, atol=1e-12)


def test_the_error_goes_to_the_node_that_was_the_maximum():
    x = torch.tensor([[[[1.0, 5.0], [2.0, 3.0]]]], requires_grad=True)
    MaxPool2d(2)(x).backward(torch.full((1, 1, 1, 1), 7.0))
    assert x.grad.tolist() == [[[[0.0, 7.0], [0.0, 0.0]]]]


def test_the_average_spreads_the_error_evenly():
    x = torch.zeros(1, 1, 2, 2, requires_grad=True)
    AvgPool2d(2)(x).backward(torch.full((1, 1, 1, 1), 8.0))
    assert x.grad.tolist() == [[[[2.0, 2.0], [2.0, 2.0]]]]


def test_overlapping_windows_add_up_at_a_shared_maximum():
    x = torch.tensor([[[[0.0, 9.0, 0.0]]]], requires_grad=True)
    MaxPool2d((1, 2), stride=1)(x).sum().backward()
    assert x.grad.tolist() == [[[[0.0, 2.0, 0.0]]]]


def test_padding_wider_than_half_the_window_is_refused():
    with pytest.raises(ConfigError, match="padding of a pooling layer"):
        MaxPool2d(2, padding=2)(torch.zeros(1, 1, 4, 4))
