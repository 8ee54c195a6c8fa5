"""Every layer by name, and the choice between medcnn's and torch's implementation."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from medcnn.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from torch import nn

ACTIVATIONS: dict[str, str] = {
    "identity": "activations.Identity",
    "binary_step": "activations.BinaryStep",
    "logistic": "activations.Logistic",
    "tanh": "activations.Tanh",
    "arctan": "activations.ArcTan",
    "relu": "rectifiers.ReLU",
    "leaky_relu": "rectifiers.LeakyReLU",
    "prelu": "rectifiers.PReLU",
    "rrelu": "rectifiers.RReLU",
    "elu": "activations.ELU",
    "softplus": "activations.SoftPlus",
    "gelu": "activations.GELU",
    "silu": "activations.SiLU",
    "noisy_relu": "rectifiers.NoisyReLU",
}
"""Names of the activations, and where each is defined inside ``medcnn.layers``."""

_OTHERS: dict[str, str] = {
    "linear": "linear.Linear",
    "conv2d": "convolution.Conv2d",
    "batch_norm1d": "batch_norm.BatchNorm1d",
    "batch_norm2d": "batch_norm.BatchNorm2d",
    "layer_norm": "normalization.LayerNorm",
    "instance_norm2d": "normalization.InstanceNorm2d",
    "group_norm": "normalization.GroupNorm",
    "max_pool2d": "pooling.MaxPool2d",
    "avg_pool2d": "pooling.AvgPool2d",
    "global_avg_pool2d": "global_pooling.GlobalAvgPool2d",
    "global_max_pool2d": "global_pooling.GlobalMaxPool2d",
    "fractional_max_pool2d": "fractional_pooling.FractionalMaxPool2d",
    "dropout": "dropout.Dropout",
    "weight_scaling_dropout": "dropout.WeightScalingDropout",
    "gaussian_dropout": "dropout.GaussianDropout",
    "dropout2d": "structured_dropout.Dropout2d",
    "drop_connect": "structured_dropout.DropConnect",
    "stochastic_depth": "structured_dropout.StochasticDepth",
    "drop_block2d": "structured_dropout.DropBlock2d",
    "gaussian_noise": "noise.GaussianNoise",
    "masking_noise": "noise.MaskingNoise",
    "whitening": "whitening.Whitening",
    "filter_bank": "filters.FilterBank",
}


FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What a layer that is not medcnn's may raise when it is imported, made or run."""


class _Layers(Mapping[str, "type[nn.Module]"]):
    """Name -> class; a class is imported when it is first asked for."""

    def __init__(self, homes: dict[str, str]) -> None:
        self._homes = homes

    def __getitem__(self, name: str) -> type[nn.Module]:
        module, _, attribute = self._homes[name].rpartition(".")
        found: type[nn.Module] = getattr(
            importlib.import_module(f"medcnn.layers.{module}"), attribute
        )
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


LAYERS: Mapping[str, type[nn.Module]] = _Layers(_OTHERS | ACTIVATIONS)


def layer_class(name: str) -> type[nn.Module]:
    """Return the class behind a name of ``LAYERS`` or a dotted path like ``my_package.MyLayer``.

    Raises:
        ConfigError: If there is no such name, module or class.
    """
    if name in LAYERS:
        return LAYERS[name]
    module, dot, attribute = name.rpartition(".")
    if not dot:
        raise unknown_name("layer", name, LAYERS)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except FAULTS as error:
        raise ConfigError(
            f"The layer {name!r} cannot be imported: {type(error).__name__}: {error}.",
            expected="a name of medcnn.layers.LAYERS or the dotted path of a class",
            found=repr(name),
            remedy="check the spelling, that the package is installed or on PYTHONPATH, and that "
            "python imports it",
        ) from error
    return _checked_class(name, found)


def build(name: str, **options: Any) -> nn.Module:
    """Make the layer ``name`` of medcnn (or of a dotted path) with its constructor's options.

    Raises:
        ConfigError: If the name is unknown or the constructor does not take the options.
    """
    return _construct(name, layer_class(name), options)


def make(kind: str, backend: str = "medcnn", **options: Any) -> nn.Module:
    """Make one layer in medcnn's or in torch's implementation.

    Both start from the same weights and draw the same random numbers (on the CPU), so that a
    model trains alike with either from the same seed, within float32 rounding.

    Args:
        kind: A name of ``LAYERS``; an activation may be written ``activation:relu``.
        backend: ``medcnn`` or ``torch``. Where torch has no such layer, ``torch`` means a plain
            composition of torch operations under torch's own autograd.
        options: What the constructor takes; the same for both.

    Raises:
        ConfigError: If a name is unknown or the constructor does not take the options.
    """
    prefix, colon, activation = kind.partition(":")
    if colon and (prefix != "activation" or activation not in ACTIVATIONS):
        raise unknown_name(
            "layer kind", kind, [*_OTHERS, *(f"activation:{a}" for a in ACTIVATIONS)]
        )
    name = activation or prefix
    if backend == "medcnn":
        return build(name, **options)
    if backend == "torch":
        reference: Callable[..., nn.Module] | None
        reference = getattr(layer_class(name), "reference", None)
        if reference is None:
            raise ConfigError(
                f"The layer {name!r} names no torch reference.",
                expected="a class attribute or class method called reference",
                found="none",
                remedy="take backend=medcnn, or give the class a reference",
            )
        return _construct(f"{name} (torch)", reference, options)
    raise unknown_name("layer backend", backend, ["medcnn", "torch"])


def _checked_class(name: str, found: object) -> type[nn.Module]:
    from torch import nn

    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ConfigError(
            f"{name!r} is not a layer.",
            expected="a subclass of torch.nn.Module",
            found=repr(found),
            remedy="give the dotted path of the class itself",
        )
    return found


def _construct(
    name: str, constructor: Callable[..., nn.Module], options: Mapping[str, object]
) -> nn.Module:
    signature = inspect.signature(constructor)
    try:
        signature.bind(**options)
    except TypeError as error:
        raise ConfigError(
            f"The layer {name!r} cannot be made with these options: {error}.",
            expected=str(signature),
            found=", ".join(f"{key}={value!r}" for key, value in options.items()) or "no options",
            remedy="use only the options of the constructor",
        ) from error
    return constructor(**options)
