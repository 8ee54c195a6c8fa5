import hypothesis.strategies as st
import pytest
import torch
from hypothesis import assume, given, settings
from torch import nn

from medcnn.layers.convolution import Conv2d


@settings(max_examples=30, deadline=None)
@given(
    groups=st.integers(1, 3), inputs=st.integers(1, 2), outputs=st.integers(1, 2),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)), stride=st.integers(1, 3),
    padding=st.integers(0, 2), dilation=st.integers(1, 2), bias=st.booleans(),
    size=st.tuples(st.integers(3, 8), st.integers(3, 8)), seed=st.integers(0, 999),
)  # fmt: skip
def test_values_and_gradients_for_any_geometry(
    groups, inputs, outputs, kernel, stride, padding, dilation, bias, size, seed
):
    for side, k in zip(size, kernel, strict=True):
        assume(side + 2 * padding >= dilation * (k - 1) + 1)
    torch.manual_seed(seed)
    options = {
        "in_channels": groups * inputs, "out_channels": groups * outputs, "kernel_size": kernel,
        "stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "bias": bias,
    }  # fmt: skip
    ours, theirs = Conv2d(**options).double(), nn.Conv2d(**options).double()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, groups * inputs, *size, dtype=torch.float64)
    grads = []
    for layer in (ours, theirs):
        leaf = x.clone().requires_grad_()
        out = layer(leaf)
        out.square().sum().backward()
        grads.append((out.detach(), leaf.grad, *[p.grad for p in layer.parameters()]))
    for mine, expected in zip(*grads, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-9, atol=1e-9)


def test_a_convolution_may_be_differentiated_twice():
    torch.manual_seed(0)
    layer = Conv2d(2, 2, 2).double()
    x = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(layer, (x,))


def test_an_input_smaller_than_the_kernel_is_refused():
    with pytest.raises(RuntimeError, match=r"[Kk]ernel"):
        Conv2d(1, 1, 5)(torch.zeros(1, 1, 3, 3))
