import json
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
def test_every_layer_equals_its_reference_forward_and_backward(name, monkeypatch):
    monkeypatch.setattr("medcnn.layers.check._REPEATS", 3)  # its speed is not looked at
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


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def x(:", "SyntaxError"),
        ("raise KeyError('at import')", "KeyError"),
        ("import no_such_package", "ModuleNotFoundError"),
        ("", "AttributeError"),
    ],
)
def test_a_module_that_does_not_import_is_the_users_fault(tmp_path, monkeypatch, code, said):
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"strange_{said.lower()}"
    (tmp_path / f"{name}.py").write_text(code)
    with pytest.raises(ConfigError, match=rf"cannot be imported: {said}"):
        check_layers([f"{name}.Layer"])


class Asserting(torch.nn.Module):
    def forward(self, x):
        assert x.dim() == 7, "seven dimensions"
        return x


class WithoutExamples(torch.nn.Module):
    examples = ()

    def forward(self, x):
        assert x.dim() == 3, "three dimensions"
        return x


class Counting(torch.nn.Module):
    """Keeps a buffer beside its output."""

    examples = (({}, (2, 3)),)

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x):
        self.seen.fill_(1.0)
        return 2 * x


class CountingNaN(Counting):
    """The output of its reference, and NaN in the buffer."""

    reference = Counting

    def forward(self, x):
        self.seen.fill_(torch.nan)
        return 2 * x


class Summing(Counting):
    """An output of another shape."""

    reference = Counting

    def forward(self, x):
        return super().forward(x).sum(1)


@pytest.mark.parametrize("found", [Asserting, WithoutExamples])
def test_a_layer_that_cannot_be_tried_says_why(monkeypatch, found):
    module = types.ModuleType("tried_layers")
    module.Layer = found
    monkeypatch.setitem(sys.modules, "tried_layers", module)
    with pytest.raises(ConfigError, match=r"not known how to try(.|\n)*AssertionError: "):
        check_layers(["tried_layers.Layer"])


@pytest.mark.parametrize("found", [CountingNaN, Summing])
def test_nan_in_a_buffer_and_another_shape_are_errors_that_json_can_hold(monkeypatch, found):
    module = types.ModuleType("strange_layers")
    module.Layer = found
    monkeypatch.setitem(sys.modules, "strange_layers", module)
    rows = check_layers(["strange_layers.Layer"])
    assert failures(rows) == ["strange_layers.Layer"]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


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
