"""What flows through a network, forwards and backwards, on a few images.

A unit is a channel as the next layer receives it, after whatever activation stands between, be it a
module or a function. It is dead if it is 0 at every place of every image: no gradient reaches the
weights before it any more.

Dimensions: N images, C channels, H×W places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from medcnn.data.batch import Batch

Array = npt.NDArray[np.float64]

SAMPLES = 4096
"""Values that are kept of each layer: enough for a histogram of forty bars."""
WEIGHED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


@dataclass(frozen=True)
class Layer:
    """What was seen of one layer with weights.

    Attributes:
        name: Its name in the network.
        received: A sample of the values that it received.
        dead: How many of the channels that it received are 0 everywhere.
        channels: How many channels that were.
        gradient: A sample of the gradient of its weights; empty where they are frozen.
        ratio: Norm of that gradient over the norm of the weights; NaN where they are frozen.
    """

    name: str
    received: Array
    dead: int
    channels: int
    gradient: Array
    ratio: float


@dataclass(frozen=True)
class Inspection:
    """What was seen of a network.

    Attributes:
        layers: In the order in which they are reached.
        filters: The first convolution's weights, out×in×h×w, or None where there is none.
    """

    layers: tuple[Layer, ...]
    filters: Array | None

    @property
    def dead(self) -> float:
        """The share of dead channels among those that any layer but the first receives."""
        channels = sum(layer.channels for layer in self.layers[1:])
        return sum(layer.dead for layer in self.layers[1:]) / max(channels, 1)


def inspect(network: nn.Module, batch: Batch) -> Inspection:
    """Pass images through a network and back, in evaluation mode, and return what was seen.

    Weights, buffers and gradients are left as they were.

    Args:
        network: Image N×1×H×W in [0, 1] to logit N.
        batch: Images with their labels, on the CPU.
    """
    seen: dict[str, Tensor] = {}
    named = {module: name for name, module in network.named_modules() if _has_weights(module)}

    def keep(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        seen.setdefault(named[module], arguments[0].detach())

    hooks = [module.register_forward_pre_hook(keep) for module in named]
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    weights = {name: module.weight for module, name in named.items()}
    wanted = {name: w for name, w in weights.items() if isinstance(w, Tensor) and w.requires_grad}
    try:
        with torch.enable_grad():
            logit = network(batch["image"].to(device))
            loss = binary_cross_entropy_with_logits(logit.float(), batch["label"].to(device))
            found = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    gradients = dict(zip(wanted, found, strict=True))
    layers = tuple(
        _layer(name, value, weights[name], gradients.get(name)) for name, value in seen.items()
    )
    return Inspection(layers, _first_filters(network))


def _has_weights(module: nn.Module) -> bool:
    """Return whether a module is a convolution or a linear layer, torch's or medcnn's own."""
    weight = getattr(module, "weight", None)
    return isinstance(module, WEIGHED) or (
        isinstance(weight, nn.Parameter) and weight.dim() in (2, 4)
    )


def _layer(name: str, received: Tensor, weight: object, gradient: Tensor | None) -> Layer:
    alive = _by_channel(received).abs().amax(1) > 0
    assert isinstance(weight, Tensor)  # noqa: S101  only layers with weights are watched
    norm = float(weight.detach().norm())
    return Layer(
        name,
        _sample(received),
        int((~alive).sum()),
        len(alive),
        np.empty(0) if gradient is None else _sample(gradient),
        float("nan") if gradient is None or norm == 0 else float(gradient.norm()) / norm,
    )


def _by_channel(value: Tensor) -> Tensor:
    """Return N×C×H×W, or N×…×C of a linear layer, as one row a channel."""
    axis = 1 if value.dim() == 4 else value.dim() - 1
    return value.movedim(axis, 0).flatten(1)


def _sample(value: Tensor) -> Array:
    flat = value.detach().flatten()
    step = max(len(flat) // SAMPLES, 1)
    found: Array = flat[::step].double().cpu().numpy()
    return found


def _first_filters(network: nn.Module) -> Array | None:
    for module in network.modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, nn.Parameter) and weight.dim() == 4:
            found: Array = weight.detach().double().cpu().numpy()
            return found
    return None
