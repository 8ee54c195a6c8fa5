"""The proof of the layers: each against a reference under torch's own autograd.

A layer of the user's own is checked in the same way. Its class may declare

* ``examples``: a sequence of ``(options, shape)`` or ``Example``, how to construct it and what to
  feed it; without it the constructor has to work without options;
* ``reference``: a class attribute or class method that takes the same options and returns a module
  with the same ``state_dict`` that draws the same random numbers; without it only gradcheck is run;
* ``surrogate(x)``: the function that a straight-through gradient pretends to be.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from medcnn.errors import ConfigError
from medcnn.layers.example import Example
from medcnn.layers.registry import FAULTS, LAYERS, layer_class

Row = dict[str, Any]

_SEED = 20
_GUESSED_SHAPES: tuple[tuple[int, ...], ...] = ((4, 3, 8, 8), (4, 6))
_REPEATS = 9


def check_layers(names: Iterable[str] | None = None) -> list[Row]:
    """Check layers in float64 on the CPU, in training and in evaluation mode.

    Args:
        names: Names of ``medcnn.layers.LAYERS`` or dotted paths; None means all of ``LAYERS``.

    Returns:
        One row a layer, ready for JSON: ``layer``; ``reference``; ``max_forward_error``, the
        greatest absolute difference of outputs and buffers, and ``max_gradient_error``, that of the
        gradients of input and parameters, both None without a reference and the greatest float
        where shapes differ or no number came out; ``gradcheck``, whether the written backward
        agrees with finite differences; ``gradgradcheck``, the same of the backward's own gradient,
        None where the layer refuses to be differentiated twice; ``speed_ratio``, the median time of
        forward plus backward over that of the reference, in float32 and in this process.

    Raises:
        ConfigError: If a layer is unknown, cannot be constructed or does not match its reference.
    """
    return [check_layer(name) for name in (LAYERS if names is None else names)]


def check_layer(name: str) -> Row:
    """Return the row of one layer, see ``check_layers``."""
    found = layer_class(name)
    if name in LAYERS:
        return _row(name, found)
    try:
        return _row(name, found)
    except FAULTS as error:
        raise ConfigError(
            f"The layer {name!r} does not run on its example.",
            expected="an output and a gradient, in training and in evaluation, in float64",
            found=f"{type(error).__name__}: {error}",
            remedy="mend the layer, its examples or its reference",
        ) from error


def _row(name: str, found: type[nn.Module]) -> Row:
    constructor: Callable[..., nn.Module] | None = getattr(found, "reference", None)
    examples = _examples(name, found)
    cases = [(example, training) for example in examples for training in (True, False)]
    second = [second_gradient_is_right(found, *case) for case in cases]
    row: Row = {
        "layer": name,
        "reference": "none: finite differences only",
        "max_forward_error": None,
        "max_gradient_error": None,
        "gradcheck": all(gradient_is_right(found, *case) for case in cases),
        "gradgradcheck": False if False in second else None if None in second else True,
        "speed_ratio": None,
    }
    if constructor is not None:
        errors = [compare(found, constructor, *case) for case in cases]
        row["reference"] = _reference_name(constructor(**examples[0].options))
        forward, gradient = zip(*errors, strict=True)
        row["max_forward_error"], row["max_gradient_error"] = (
            _greatest(forward),
            _greatest(gradient),
        )
        row["speed_ratio"] = speed_ratio(found, constructor, examples[0])
    return row


def failures(rows: Iterable[Row], tolerance: float = 1e-12) -> list[str]:
    """Return the names of the layers that miss their reference or finite differences."""
    return [
        row["layer"]
        for row in rows
        if not row["gradcheck"]
        or row["gradgradcheck"] is False
        or not (row["max_forward_error"] or 0.0) <= tolerance
        or not (row["max_gradient_error"] or 0.0) <= tolerance
    ]


def compare(
    found: type[nn.Module], constructor: Callable[..., nn.Module], example: Example, training: bool
) -> tuple[float, float]:
    """Return the greatest forward and gradient error of one example in one mode, in float64."""
    layer, x = _prepared(found, example, torch.float64)
    twin = _twin(layer, constructor, example, torch.float64)
    results = [_run(module.train(training), x) for module in (layer, twin)]
    (values, gradients), (expected_values, expected_gradients) = results
    return _error(values, expected_values), _error(gradients, expected_gradients)


def gradient_is_right(found: type[nn.Module], example: Example, training: bool) -> bool:
    """Return whether the written backward agrees with central differences, in float64."""
    layer, x = _prepared(found, example, torch.float64)
    layer.train(training)
    surrogate: Callable[[Tensor], Tensor] | None = getattr(layer, "surrogate", None)

    def output(values: Tensor, *_parameters: Tensor) -> Tensor:
        torch.default_generator.manual_seed(_SEED)
        y: Tensor = layer(values)
        if surrogate is None:
            return y
        # The values of the surrogate with the gradient of the layer: what differences must match.
        return surrogate(values).detach() + y - y.detach()

    with torch.random.fork_rng(devices=[]):
        return torch.autograd.gradcheck(
            output, (x.requires_grad_(), *layer.parameters()), raise_exception=False
        )


def second_gradient_is_right(
    found: type[nn.Module], example: Example, training: bool
) -> bool | None:
    """Return whether differences confirm the gradient of the backward; None: it says it has none.

    A backward that computes outside autograd without saying so (``once_differentiable``) would
    return second derivatives that lack a part, silently: that is False.
    """
    layer, x = _prepared(found, example, torch.float64)
    layer.train(training)

    def output(values: Tensor, *_parameters: Tensor) -> Tensor:
        torch.default_generator.manual_seed(_SEED)
        y: Tensor = layer(values)
        return y

    inputs = (x.requires_grad_(), *layer.parameters())
    with torch.random.fork_rng(devices=[]):
        if _refuses_a_second_time(output(*inputs), inputs):
            return None
        return torch.autograd.gradgradcheck(output, inputs, fast_mode=True, raise_exception=False)


def _refuses_a_second_time(y: Tensor, inputs: tuple[Tensor, ...]) -> bool:
    error = torch.ones_like(y, requires_grad=True)
    gradients = torch.autograd.grad(y, inputs, error, create_graph=True)
    try:
        torch.autograd.backward([gradient.sum() for gradient in gradients])
    except RuntimeError as refusal:
        return "once_differentiable" in str(refusal)
    return False


def speed_ratio(
    found: type[nn.Module], constructor: Callable[..., nn.Module], example: Example
) -> float:
    """Return the median time of forward plus backward over that of the reference, in float32."""
    larger = example._replace(shape=example.speed_shape or example.shape)
    layer, x = _prepared(found, larger, torch.float32)
    modules = (layer.train(), _twin(layer, constructor, larger, torch.float32).train())
    x.requires_grad_()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_REPEATS):
        for module, measured in zip(modules, times, strict=True):
            begin = time.perf_counter()
            module(x).sum().backward()
            measured.append(time.perf_counter() - begin)
    # The first passes pay for allocation and are left out.
    ours, theirs = (statistics.median(measured[2:]) for measured in times)
    return ours / theirs


def _examples(name: str, found: type[nn.Module]) -> list[Example]:
    declared = getattr(found, "examples", None)
    if declared:
        return [Example(*example) for example in declared]
    problem = ""
    for shape in _GUESSED_SHAPES:
        try:
            found()(torch.zeros(shape))
        except FAULTS as error:
            problem = f"{type(error).__name__}: {error}"
        else:
            return [Example({}, shape)]
    raise ConfigError(
        f"It is not known how to try the layer {name!r}.",
        expected="a class attribute examples = [({option: value, ...}, input_shape), ...]",
        found=f"none, and {found.__name__}() on inputs of {_GUESSED_SHAPES} ends with {problem}",
        remedy="declare examples on the class",
    )


def _prepared(
    found: type[nn.Module], example: Example, dtype: torch.dtype
) -> tuple[nn.Module, Tensor]:
    """Return the layer with parameters off their initial values, and a standard normal input."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_SEED)
        layer = found(**example.options).to(dtype)
        x = torch.randn(example.shape, dtype=dtype)
        with torch.no_grad():
            for parameter in layer.parameters():
                # Ones and zeros, as normalisations begin with, would hide a wrong factor.
                parameter.add_(0.1 * torch.randn_like(parameter))
    fit = getattr(layer, "fit", None)
    if fit is not None:
        fit([x])
    return layer, x


def _twin(
    layer: nn.Module, constructor: Callable[..., nn.Module], example: Example, dtype: torch.dtype
) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        twin = constructor(**example.options).to(dtype)
    try:
        twin.load_state_dict(layer.state_dict())
    except RuntimeError as error:
        raise ConfigError(
            f"{type(layer).__name__} and its reference keep different state.",
            expected="the same names and shapes in state_dict",
            found=str(error),
            remedy="let the reference have the same parameters and buffers",
        ) from error
    return twin


def _run(module: nn.Module, x: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return outputs and buffers, and gradients under a random error, of one seeded pass."""
    leaf = x.detach().clone().requires_grad_()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED + 1)
        y: Tensor = module(leaf)
        torch.manual_seed(_SEED + 2)
        error = torch.randn(y.shape, dtype=y.dtype)
    named = dict(module.named_parameters())
    gradients = torch.autograd.grad(y, [leaf, *named.values()], error)
    values = {"output": y.detach(), **{name: b.clone() for name, b in module.named_buffers()}}
    return values, dict(zip(["input", *named], gradients, strict=True))


def _error(values: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    if any(values[name].shape != expected[name].shape for name in expected):
        return sys.float_info.max
    return _greatest(float((values[name] - expected[name]).abs().max()) for name in expected)


def _greatest(errors: Iterable[float]) -> float:
    """Return the greatest error; for NaN and infinity the greatest number that JSON can hold."""
    return max(error if math.isfinite(error) else sys.float_info.max for error in errors)


def _reference_name(twin: nn.Module) -> str:
    kind = type(twin)
    package = kind.__module__.split(".modules")[0]
    if package == "torch.nn":
        return f"torch.nn.{kind.__name__}"
    if package.startswith("torchvision.ops"):
        return f"torchvision.ops.{kind.__name__}"
    if package.startswith("medcnn."):
        return f"plain torch composition ({kind.__name__})"
    return f"{package}.{kind.__name__}"
