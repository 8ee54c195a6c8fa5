"""What holds for every layer beside its torch twin: types, layouts, batch sizes, compilers, state."""

import copy

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from medcnn.layers import LAYERS

EVERY = sorted(LAYERS)
MAPS = [name for name in EVERY if len(LAYERS[name].examples[0][1]) == 4]
PER_BATCH = {"whitening"}  # its number of examples is its fit
RANDOM = {
    "dropout", "dropout2d", "drop_block2d", "drop_connect", "fractional_max_pool2d",
    "gaussian_dropout", "gaussian_noise", "masking_noise", "noisy_relu", "rrelu",
    "stochastic_depth", "weight_scaling_dropout",
}  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_float32_agrees_with_the_twin(name, twins, run):
    layer, twin, x = twins(name)
    torch.testing.assert_close(run(layer, x), run(twin, x), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", EVERY)
def test_evaluation_agrees_with_the_twin(name, twins, run):
    layer, twin, x = twins(name)
    layer.eval()
    twin.eval()
    torch.testing.assert_close(run(layer, x), run(twin, x), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", EVERY)
def test_autocast_gives_the_twins_dtype_and_gradients_are_finite(name, dtype, twins, run):
    layer, twin, x = twins(name)
    leaf = x.clone().requires_grad_()
    with torch.autocast("cpu", dtype):
        ours, theirs = run(layer, leaf), run(twin, x)
    assert ours.dtype == theirs.dtype
    torch.testing.assert_close(ours.float(), theirs.float(), rtol=0.05, atol=0.05)
    ours.float().sum().backward()
    assert bool(torch.isfinite(leaf.grad).all())


@pytest.mark.parametrize("name", MAPS)
def test_channels_last_gives_the_same_values_and_gradients(name, twins, run):
    layer, _, x = twins(name, torch.float64)
    if name in RANDOM:
        layer.eval()
    grads = []
    for layout in (torch.contiguous_format, torch.channels_last):
        leaf = x.contiguous(memory_format=layout).detach().requires_grad_()
        out = run(copy.deepcopy(layer), leaf)
        weight = torch.arange(out.numel(), dtype=out.dtype).reshape(out.shape)
        (out * weight).sum().backward()
        grads.append((out.detach(), leaf.grad))
    torch.testing.assert_close(grads[0][0], grads[1][0])
    torch.testing.assert_close(grads[0][1], grads[1][1])


@pytest.mark.parametrize("name", EVERY)
def test_a_non_contiguous_input_gives_the_values_of_its_copy(name, twins, run):
    layer, _, x = twins(name, torch.float64)
    layer.eval()
    strided = torch.stack([x, -x], dim=-1)[..., 0]
    assert not strided.is_contiguous()
    leaf, other = strided.detach().requires_grad_(), x.detach().requires_grad_()
    out, expected = run(layer, leaf), run(layer, other)
    torch.testing.assert_close(out, expected)
    out.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(leaf.grad, other.grad)


@pytest.mark.parametrize("name", sorted(set(EVERY) - PER_BATCH))
def test_batches_of_none_and_of_one_are_what_they_are_to_the_twin(name, twins, run):
    layer, twin, x = twins(name)
    layer.eval()
    twin.eval()
    for size in (0, 1):
        try:
            expected = run(twin, x[:size])
        except (RuntimeError, IndexError):
            continue  # torch itself has no answer
        torch.testing.assert_close(run(layer, x[:size]), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", EVERY)
def test_state_is_exchanged_with_the_twin_in_both_directions(name, twins):
    layer, twin, _ = twins(name)
    assert list(layer.state_dict()) == list(twin.state_dict())
    layer.load_state_dict(twin.state_dict())


@pytest.mark.parametrize("name", sorted(set(EVERY) - RANDOM))
def test_a_compiled_layer_gives_the_same(name, twins):
    layer, _, x = twins(name)
    layer.eval()
    torch._dynamo.reset()
    compiled = torch.compile(layer, backend="aot_eager")
    leaf, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    out, expected = compiled(leaf), layer(other)
    torch.testing.assert_close(out, expected)
    out.sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(leaf.grad, other.grad)


@pytest.mark.parametrize("name", sorted(set(EVERY) - RANDOM))
def test_an_exported_layer_gives_the_same(name, twins):
    layer, _, x = twins(name)
    layer.eval()
    with torch.no_grad():
        exported = torch.export.export(layer, (x,)).module()
        torch.testing.assert_close(exported(x), layer(x))


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "tanh"])
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(shape=st.lists(st.integers(1, 5), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_activations_take_any_shape(name, shape, seed):
    torch.manual_seed(seed)
    x = 5 * torch.randn(shape, dtype=torch.float64)
    found = LAYERS[name]
    torch.testing.assert_close(found()(x), found.reference()(x), rtol=0, atol=1e-12)
