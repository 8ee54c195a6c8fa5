import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from medcnn.layers.batch_norm import BatchNorm1d, BatchNorm2d


@pytest.mark.parametrize("momentum", [0.1, 0.5, None])
@pytest.mark.parametrize(
    ("ours", "theirs", "places"),
    [(BatchNorm2d, nn.BatchNorm2d, (5, 4)), (BatchNorm1d, nn.BatchNorm1d, ())],
)
def test_running_statistics_follow_torch_step_by_step(ours, theirs, places, momentum):
    ours, theirs = (layer(3, momentum=momentum).double() for layer in (ours, theirs))
    for step in range(6):
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(4 + step, 3, *places, dtype=torch.float64, generator=generator)
        x = x * (step + 1) + step if step != 3 else x[:0]
        torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)
        for name, value in theirs.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[name], value, rtol=0, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(2, 6), c=st.integers(1, 4), h=st.integers(1, 5), w=st.integers(1, 5),
    affine=st.booleans(), seed=st.integers(0, 999),
)  # fmt: skip
def test_values_and_gradients_of_any_shape(n, c, h, w, affine, seed):
    torch.manual_seed(seed)
    ours, theirs = BatchNorm2d(c, affine=affine).double(), nn.BatchNorm2d(c, affine=affine).double()
    x = torch.randn(n, c, h, w, dtype=torch.float64)
    error = torch.randn_like(x)
    grads = []
    for layer in (ours, theirs):
        leaf = x.clone().requires_grad_()
        out = layer(leaf)
        out.backward(error)
        grads.append((out.detach(), leaf.grad, *[p.grad for p in layer.parameters()]))
    for mine, expected in zip(*grads, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-7, atol=1e-9)


def test_one_unit_of_a_fully_connected_layer_is_one_channel():
    x = torch.randn(7, 4, dtype=torch.float64)
    out = BatchNorm1d(4).double()(x)
    torch.testing.assert_close(out.mean(0), torch.zeros(4, dtype=torch.float64), atol=1e-12, rtol=0)
    # A variance of 1 less what eps takes away.
    expected = x.var(0, correction=0) / (x.var(0, correction=0) + 1e-5)
    torch.testing.assert_close(out.var(0, correction=0), expected)


def test_evaluation_is_one_affine_map():
    layer = BatchNorm2d(2).double()
    for _ in range(3):
        layer(torch.randn(4, 2, 3, 3, dtype=torch.float64))
    layer.eval()
    zero, one = (torch.full((1, 2, 1, 1), v, dtype=torch.float64) for v in (0.0, 1.0))
    x = torch.randn(1, 2, 1, 1, dtype=torch.float64)
    torch.testing.assert_close(layer(x), layer(zero) + (layer(one) - layer(zero)) * x)


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (1, 3)])
def test_a_single_value_per_channel_is_refused_as_torch_refuses_it(shape):
    layers = (
        (BatchNorm2d(3), nn.BatchNorm2d(3))
        if len(shape) == 4
        else (BatchNorm1d(3), nn.BatchNorm1d(3))
    )
    for layer in layers:
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            layer(torch.zeros(shape))


def test_wrong_numbers_of_dimensions_are_refused():
    with pytest.raises(ValueError, match="expected 4D input"):
        BatchNorm2d(3)(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="expected 2D or 3D input"):
        BatchNorm1d(3)(torch.zeros(2, 3, 4, 4))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_batch_that_is_worked_off_in_parts_is_normalised_as_a_whole(layout):
    """More values than are taken at a time, and a last part that is smaller."""
    torch.manual_seed(0)
    x = (3 * torch.randn(5, 64, 31, 29) + 5).contiguous(memory_format=layout)
    error = torch.randn_like(x)
    found, expected = [], []
    for layer, values in ((BatchNorm2d(64), found), (nn.BatchNorm2d(64).double(), expected)):
        leaf = x.to(layer.weight.dtype).detach().requires_grad_()
        y = layer(leaf)
        y.backward(error.to(y.dtype))
        values += [y, leaf.grad, layer.weight.grad, layer.bias.grad, layer.running_var]
        assert y.is_contiguous(memory_format=layout)
        assert leaf.grad.is_contiguous(memory_format=layout)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine.double(), theirs, rtol=1e-4, atol=2e-4)
