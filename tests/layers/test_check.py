import sys
import types

import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.layers import LAYERS, check_layers
from medcnn.layers.check import failures

KEYS = {
    "layer",
    "reference",
    "max_forward_error",
    "max_gradient_error",
    "gradcheck",
    "gradgradcheck",
    "speed_ratio",
}


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_every_layer_equals_its_reference_forward_and_backward(name):
    rows = check_layers([name])
    assert failures(rows) == []
    for row in rows:
        assert set(row) == KEYS
        assert row["gradcheck"] is True
        assert row["gradgradcheck"] is True
        assert row["max_forward_error"] < 1e-12
        assert row["max_gradient_error"] < 1e-12


def test_an_unknown_layer_is_named():
    with pytest.raises(ConfigError, match="batch_norm2d"):
        check_layers(["batch_nrm2d"])


class Cube(torch.autograd.Function):
    """x³ whose backward hides from autograd how the slope depends on x."""

    @staticmethod
    def forward(ctx, x):
        ctx.slope = 3 * x.detach() ** 2
        return x**3

    @staticmethod
    def backward(ctx, error):
        return error * ctx.slope


class CubeOnce(Cube):
    """The same, and it says so."""

    backward = staticmethod(torch.autograd.function.once_differentiable(Cube.backward))


class SilentLayer(torch.nn.Module):
    examples = (({}, (2, 3)),)

    def forward(self, x):
        return Cube.apply(x)


class HonestLayer(SilentLayer):
    def forward(self, x):
        return CubeOnce.apply(x)


def test_a_second_derivative_that_is_silently_wrong_fails_and_one_that_is_refused_does_not(
    monkeypatch,
):
    own = types.SimpleNamespace(SilentLayer=SilentLayer, HonestLayer=HonestLayer)
    monkeypatch.setitem(sys.modules, "own", own)
    silent, honest = rows = check_layers(["own.SilentLayer", "own.HonestLayer"])
    assert silent["gradcheck"] is honest["gradcheck"] is True
    assert silent["gradgradcheck"] is False
    assert honest["gradgradcheck"] is None
    assert failures(rows) == ["own.SilentLayer"]
