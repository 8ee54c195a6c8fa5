"""What holds for every layer beside its torch twin: types, layouts, sizes, compilers, state.

A layer draws the random numbers of its twin, so the two are compared in training too.
"""

import itertools

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from medcnn.layers import ACTIVATIONS, LAYERS

EVERY = sorted(LAYERS)
ANY_SHAPE = set(ACTIVATIONS) | {
    "dropout", "weight_scaling_dropout", "gaussian_dropout", "stochastic_depth",
    "gaussian_noise", "masking_noise",
}  # fmt: skip
LAST_FIXED = {"linear": 5, "drop_connect": 5, "layer_norm": 6}
"""Layers that act on the last dimension alone, and its size in the first example."""
FOUR_DIMENSIONS = {
    name: (3, 4, 6, 5) if name in ANY_SHAPE
    else (3, 4, 6, LAST_FIXED[name]) if name in LAST_FIXED
    else LAYERS[name].examples[name == "whitening"].shape
    for name in EVERY if name != "batch_norm1d"
}  # fmt: skip
"""A shape that can be laid out channels-last, for every layer that takes four dimensions."""


def compare(module, twin, x, **tolerances):
    """Assert that both give the same in training and in evaluation, the state of each going on."""
    for training in (True, False):
        found, expected = (results(each, x, training=training) for each in (module, twin))
        assert_alike(found, expected, f"training={training} ", **tolerances)


def results(module, x, *, training=True):
    """Return output, buffers and all gradients of one seeded pass under a random error."""
    module.zero_grad()
    module.train(training)
    leaf = x.detach().requires_grad_()
    torch.manual_seed(1)
    y = module(leaf)
    torch.manual_seed(2)
    y.backward(torch.randn(y.shape, dtype=y.dtype))
    found = {"output": y.detach(), "gradient of the input": leaf.grad}
    found |= {name: value.clone() for name, value in module.named_buffers()}
    return found | {f"gradient of {name}": p.grad for name, p in module.named_parameters()}


def assert_alike(found, expected, what="", **tolerances):
    assert list(found) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name], value, **tolerances, msg=lambda text, name=name: f"{what}{name}: {text}"
        )


EXACT = {"rtol": 1e-10, "atol": 1e-12}


def float32_agrees_with_the_twin(name, twins):
    layer, twin, x = twins(name)
    compare(layer, twin, x, rtol=2e-5, atol=1e-5)


def autocast_gives_the_twins_dtype_and_gradients_are_finite(name, twins, run):
    for dtype in (torch.bfloat16, torch.float16):
        layer, twin, x = twins(name)
        leaf = x.clone().requires_grad_()
        with torch.autocast("cpu", dtype):
            ours, theirs = run(layer, leaf), run(twin, x)
        assert ours.dtype == theirs.dtype, dtype
        torch.testing.assert_close(ours.float(), theirs.float(), rtol=0.05, atol=0.05)
        ours.float().sum().backward()
        assert leaf.grad.dtype == torch.float32
        assert bool(torch.isfinite(leaf.grad).all()), dtype


def a_channels_last_input_gives_what_it_gives_the_twin(name, twins):
    if name not in FOUR_DIMENSIONS:
        return
    example = int(name == "whitening")
    layer, twin, x = twins(name, torch.float64, FOUR_DIMENSIONS[name], example)
    x = x.contiguous(memory_format=torch.channels_last)
    compare(layer, twin, x, **EXACT)


def a_non_contiguous_input_gives_what_it_gives_the_twin(name, twins):
    layer, twin, x = twins(name, torch.float64)
    strided = torch.stack([x, -x], dim=-1)[..., 0]
    assert not strided.is_contiguous()
    compare(layer, twin, strided, **EXACT)


def batches_of_none_and_of_one_are_what_they_are_to_the_twin(name, twins):
    for size, training in itertools.product((0, 1), (True, False)):
        layer, twin, x = twins(name, torch.float64)
        try:
            expected = results(twin, x[:size], training=training)
        except ValueError as refusal:
            with pytest.raises(ValueError, match=str(refusal).partition(" got")[0]):
                results(layer, x[:size], training=training)
            continue
        except IndexError:
            assert (name, size) == ("instance_norm2d", 0), "torch has no answer to no images"
            expected = {
                **results(layer, x[:size]),
                "output": x[:size],
                "gradient of the input": x[:size],
            }
        found = results(layer, x[:size], training=training)
        assert_alike(found, expected, f"size={size} training={training} ", **EXACT)


def state_is_exchanged_with_the_twin_in_both_directions(name, twins):
    layer, twin, x = twins(name)
    options = LAYERS[name].examples[0].options
    fresh = LAYERS[name](**options), LAYERS[name].reference(**options)
    for one, other in zip(fresh, (twin, layer), strict=True):
        assert list(one.state_dict()) == list(other.state_dict())
        one.load_state_dict(other.state_dict())
        expected = results(other, x, training=False)
        assert_alike(results(one, x, training=False), expected, rtol=2e-5, atol=1e-5)


def a_compiled_layer_gives_the_same(name, twins):
    compiled, layer, x = twins(name)[0], *twins(name)[::2]
    torch._dynamo.reset()
    compiled.compile(backend="aot_eager")
    compare(compiled, layer, x)


def an_exported_layer_gives_the_same(name, twins):
    layer, _, x = twins(name)
    layer.eval()
    with torch.no_grad():
        exported = torch.export.export(layer, (x,)).module()
        torch.testing.assert_close(exported(x), layer(x))


@pytest.mark.parametrize("name", EVERY)
def test_a_layer_is_its_twin_whatever_it_is_given_and_made_into(name, twins, run, subtests):
    for aspect in (
        float32_agrees_with_the_twin,
        a_channels_last_input_gives_what_it_gives_the_twin,
        a_non_contiguous_input_gives_what_it_gives_the_twin,
        batches_of_none_and_of_one_are_what_they_are_to_the_twin,
        state_is_exchanged_with_the_twin_in_both_directions,
        a_compiled_layer_gives_the_same,
        an_exported_layer_gives_the_same,
    ):
        with subtests.test(aspect=aspect.__name__):
            aspect(name, twins)
    with subtests.test(aspect="autocast"):
        autocast_gives_the_twins_dtype_and_gradients_are_finite(name, twins, run)


@st.composite
def shapes(draw, name):
    """Return an input shape that the first example of a layer allows."""
    sizes = st.integers(1, 5)
    if name in ANY_SHAPE:
        return tuple(draw(st.lists(sizes, min_size=1, max_size=4)))
    if name in LAST_FIXED:
        return (*draw(st.lists(sizes, min_size=0, max_size=3)), LAST_FIXED[name])
    usual = LAYERS[name].examples[0].shape
    batch = draw(st.integers(2, 5))
    places = [draw(st.integers(4, 9)) for _ in usual[2:]]
    return (batch, usual[1], *places)


@pytest.mark.parametrize("name", EVERY)
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_random_shapes_agree_with_the_twin(name, data, twins):
    shape = data.draw(shapes(name))
    layer, twin, x = twins(name, torch.float64, shape)
    assert_alike(results(layer, x), results(twin, x), **EXACT)
