"""Initialisation by name: weights whose variance keeps that of the activations through the depth.

For y = Σ w x over N inputs, independent and of mean 0, var(y) = N·var(w)·var(x). The variance stays
where var(w) = 1/N (LeCun et al. 1998; many lectures call this Xavier's), in both directions nearly
so at 2/(N_in + N_out) (Glorot and Bengio 2010, "xavier"), and after a ReLU, which halves the second
moment, at 2/N (He et al. 2015).

Dimensions: N images, one channel, H×W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from medcnn.errors import unknown_name
from medcnn.models.names import INITIALISATIONS

Weighted = nn.Conv2d | nn.Linear

SMALLEST_STD = 1e-6


def _lecun(weight: Tensor) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="linear")


def _he(weight: Tensor) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


DRAWN_BY: dict[str, Callable[[Tensor], object]] = {
    "xavier": nn.init.xavier_normal_,
    "he": _he,
    "lecun": _lecun,
    "orthogonal": nn.init.orthogonal_,
    "lsuv": nn.init.orthogonal_,
}
"""What each name draws a weight by; ``lsuv`` goes on from there with ``unit_variance``."""


def initialise(module: nn.Module, name: str) -> None:
    """Draw every convolution's and linear layer's weight by a named rule; their biases become 0.

    Args:
        module: Whose layers; normalisation layers stay as they are.
        name: ``default`` (as the architecture's authors drew them), ``xavier``, ``he``, ``lecun``,
            ``orthogonal`` (Saxe et al. 2014), or ``lsuv``: orthogonal until ``unit_variance``.

    Raises:
        ConfigError: If there is no initialisation of that name.
    """
    if name not in INITIALISATIONS:
        raise unknown_name("initialisation (model.init)", name, INITIALISATIONS)
    if name == "default":
        return
    for layer in _weighted(module):
        DRAWN_BY[name](layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


@torch.no_grad()
def unit_variance(module: nn.Module, image_N1HW: Tensor) -> dict[str, float]:
    """Scale each layer's weight so that its output has variance 1 (LSUV).

    Mishkin and Matas: All you need is a good init, ICLR 2016. They repeat forward passes a layer
    until the variance is near 1; since a layer is linear in its weight, one division by the standard
    deviation is exact, and one pass serves all layers in their order of execution.

    Args:
        module: The network. Dropout is off and running statistics are left alone meanwhile.
        image_N1HW: A batch as the network sees it in training.

    Returns:
        The variance that each layer's output had before, by the name of the layer. A layer whose
        output hardly varies (a dead input) is left as it is.
    """
    found: dict[str, float] = {}
    handles: list[RemovableHandle] = []
    for name, layer in module.named_modules():
        if isinstance(layer, Weighted):
            handles.append(layer.register_forward_hook(_scale_once(name, found)))
    training = {part: part.training for part in module.modules()}
    buffers = {name: value.clone() for name, value in module.named_buffers()}
    module.train()
    for part in module.modules():
        if "Drop" in type(part).__name__ or "StochasticDepth" in type(part).__name__:
            part.eval()
    try:
        module(image_N1HW)
    finally:
        for handle in handles:
            handle.remove()
        for part, mode in training.items():
            part.training = mode
        for name, value in module.named_buffers():
            value.copy_(buffers[name])
    return found


def _scale_once(
    name: str, found: dict[str, float]
) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None]:
    def hook(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        if name in found:
            return None
        std = float(output.std())
        found[name] = std * std
        if not std > SMALLEST_STD:
            return None
        weight = layer.get_parameter("weight")
        weight.div_(std)
        bias = getattr(layer, "bias", None)
        if bias is not None:
            bias.div_(std)
        return output / std

    return hook


def _weighted(module: nn.Module) -> Iterator[Weighted]:
    for layer in module.modules():
        if isinstance(layer, Weighted):
            yield layer
