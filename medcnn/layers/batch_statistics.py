"""Population statistics of batch normalisation, re-estimated over the training set."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from medcnn.errors import DataError

Batch = Tensor | Mapping[str, Any]


class _Moments:
    """Sums over batches of the mean and of the unbiased variance of one layer's input."""

    def __init__(self) -> None:
        self.batches = 0
        self.mean = torch.zeros((), dtype=torch.float64)
        self.var = torch.zeros((), dtype=torch.float64)

    def hook(self, _layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Add the moments of one batch; to be called before the layer."""
        x = inputs[0].detach().double().cpu()
        dims = (0, *range(2, x.dim()))
        if x.numel() // x.shape[1] < 2:
            raise DataError(
                "A batch is too small for a variance.",
                expected="at least two values per channel in every batch",
                found=f"an input of shape {tuple(x.shape)}",
                remedy="drop the last batch (drop_last) or take larger batches",
            )
        var, mean = torch.var_mean(x, dims, correction=1)
        self.batches += 1
        self.mean, self.var = self.mean + mean, self.var + var


@torch.no_grad()
def estimate_population_statistics(model: nn.Module, batches: Iterable[Batch]) -> list[str]:
    r"""Set the running statistics of every batch normalisation from the training set.

    While training, they are a moving average over a network that changed all the time. With the
    learnt parameters fixed, the mean of the batch means and m/(m-1) times the mean of the batch
    variances (m values per channel in a batch) are what the network of the end really sees:

    .. math:: \bar\mu = E[\mu_B], \qquad \bar\sigma^2 = \frac{m}{m - 1} E[\sigma_B^2] .

    As in training each layer normalises by its batch, so that the next one sees what it saw then;
    dropout and all else run in evaluation mode, and the modes are restored afterwards. A frozen
    layer keeps its statistics: one whose gamma and beta do not require gradients.

    Args:
        model: Any model with torch's or medcnn's batch normalisation.
        batches: Training images, N×C×H×W, or mappings that hold them under ``image``, on the device
            of the model. Equal batch sizes weigh all examples alike.

    Returns:
        Names of the layers that were re-estimated.

    Raises:
        DataError: If there is no batch, or one with a single value per channel.
    """
    layers = trained_norms(model)
    moments = {name: _Moments() for name in layers}
    with _batch_statistics(model, layers.values()):
        handles = [
            layer.register_forward_pre_hook(moments[name].hook) for name, layer in layers.items()
        ]
        try:
            for batch in batches:
                model(batch["image"] if isinstance(batch, Mapping) else batch)
        finally:
            for handle in handles:
                handle.remove()
    if layers and not any(moment.batches for moment in moments.values()):
        raise DataError(
            "There is nothing to estimate population statistics from.",
            expected="at least one batch of the training split",
            found="none",
            remedy="pass the training loader",
        )
    return [name for name, layer in layers.items() if _store(layer, moments[name])]


def trained_norms(model: nn.Module) -> dict[str, _BatchNorm]:
    """Return the batch normalisations that keep statistics and are not frozen, by name."""
    return {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None and _trains(layer)
    }


def _trains(layer: _BatchNorm) -> bool:
    return not layer.affine or layer.weight.requires_grad or layer.bias.requires_grad


@contextmanager
def _batch_statistics(model: nn.Module, layers: Collection[_BatchNorm]) -> Iterator[None]:
    modes = {module: module.training for module in model.modules()}
    momenta = {layer: layer.momentum for layer in layers}
    counts = {layer: _count(layer).clone() for layer in layers}
    model.eval()
    for layer in layers:
        layer.training, layer.momentum = True, 0.0  # zero leaves the running statistics alone
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for layer in layers:
            layer.momentum = momenta[layer]
            _count(layer).copy_(counts[layer])


def _count(layer: _BatchNorm) -> Tensor:
    return torch.zeros(()) if layer.num_batches_tracked is None else layer.num_batches_tracked


def _store(layer: _BatchNorm, moments: _Moments) -> bool:
    if moments.batches == 0:
        return False
    if layer.running_mean is not None and layer.running_var is not None:
        layer.running_mean.copy_(moments.mean / moments.batches)
        layer.running_var.copy_(moments.var / moments.batches)
    return True
