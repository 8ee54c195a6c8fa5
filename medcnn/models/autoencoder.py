r"""Autoencoders of vectors: weights that recreate the input, learnt without labels.

A layer :math:`z = f(Wx + b)` is followed by :math:`x' = g(W^T z + b')` (tied) or by weights of its
own, and trained so that x' = x. f is logistic; g is the identity, since standardised pixels have no
bounds, or logistic too where inputs lie in (0, 1). The input may be corrupted while x' is held to the
clean one (denoising: Vincent et al., JMLR 2010), and the mean activation of each hidden unit may be
held to a small :math:`\rho` by :math:`\beta \sum_j KL(\rho \| \hat\rho_j)` (sparse). Stacked
greedily, one layer at a time on what the layer below returns, they initialise a deep network (Bengio
et al., NIPS 2006).

Dimensions: N images, D inputs, H hidden units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from medcnn.errors import ConfigError
from medcnn.layers import make


@dataclass(frozen=True)
class Corruption:
    """What is done to the input of a denoising autoencoder.

    Args:
        masking: Share of the inputs that is set to zero, in [0, 1).
        noise: Standard deviation of added Gaussian noise.
    """

    masking: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.masking < 1 or self.noise < 0:
            raise ConfigError(
                "The corruption of the autoencoder does not fit.",
                expected="0 <= masking < 1 and noise >= 0",
                found=f"masking={self.masking}, noise={self.noise}",
            )

    def __call__(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return a corrupted copy."""
        dirty = clean
        if self.noise:
            dirty = dirty + self.noise * torch.randn(clean.shape, generator=generator)
        if self.masking:
            dirty = dirty * (torch.rand(clean.shape, generator=generator) >= self.masking)
        return dirty


def kl_sparsity(activation_NH: Tensor, rho: float) -> Tensor:
    r"""Return :math:`\sum_j KL(\rho \| \hat\rho_j)` with the mean activation of each hidden unit.

    Args:
        activation_NH: Outputs of logistic units, in (0, 1).
        rho: The wanted share of inputs for which a unit is on, such as 0.05.
    """
    tiny = torch.finfo(activation_NH.dtype).eps
    mean_H = activation_NH.mean(0).clamp(tiny, 1 - tiny)
    on = rho * torch.log(rho / mean_H)
    off = (1 - rho) * torch.log((1 - rho) / (1 - mean_H))
    return (on + off).sum()


class Autoencoder(nn.Module):
    """One hidden layer of logistic units and its decoder.

    Args:
        inputs: D.
        hidden: H.
        tied: Whether the decoder's weights are the encoder's, transposed.
        output: g, an activation by name.
        corruption: Of the input in training.
        rho: Wanted mean activation; used where ``beta`` is above 0.
        beta: Weight of the sparsity penalty.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        tied: bool = True,
        output: str = "identity",
        corruption: Corruption | None = None,
        rho: float = 0.05,
        beta: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 < rho < 1 or beta < 0:
            raise ConfigError(
                "The sparsity of the autoencoder does not fit.",
                expected="0 < rho < 1 and beta >= 0",
                found=f"rho={rho}, beta={beta}",
            )
        self.encoder = nn.Linear(inputs, hidden)
        self.bias = nn.Parameter(torch.zeros(inputs))
        self.decoder = None if tied else nn.Linear(hidden, inputs, bias=False)
        self.output = make(f"activation:{output}", "torch")
        self.corruption, self.rho, self.beta = corruption or Corruption(), rho, beta

    def encode(self, x_ND: Tensor) -> Tensor:
        """Return the hidden units, N×H."""
        return torch.sigmoid(self.encoder(x_ND))

    def forward(self, x_ND: Tensor) -> Tensor:
        """Return the reconstruction, N×D."""
        return self.decode(self.encode(x_ND))

    def decode(self, hidden_NH: Tensor) -> Tensor:
        """Return what the hidden units stand for, N×D."""
        weight = self.encoder.weight.T if self.decoder is None else self.decoder.weight
        image: Tensor = self.output(nn.functional.linear(hidden_NH, weight, self.bias))
        return image

    def loss(self, x_ND: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the mean over images of ||x' - x||², and the sparsity penalty."""
        hidden_NH = self.encode(self.corruption(x_ND, generator))
        error = (self.decode(hidden_NH) - x_ND).square().sum(1).mean()
        if not self.beta:
            return error
        return error + self.beta * kl_sparsity(hidden_NH, self.rho)


def pretrain_stack(
    x_ND: Tensor,
    widths: Sequence[int],
    make_layer: Callable[[int, int], Autoencoder] = Autoencoder,
    *,
    epochs: int = 10,
    batch_size: int = 64,
    lr: float = 1e-3,
    seed: int = 0,
) -> list[nn.Linear]:
    """Return the encoders of a stack, each trained to recreate what the one below it returns.

    Args:
        x_ND: Inputs of the first layer.
        widths: Hidden units of the layers, from the input on.
        make_layer: Returns an autoencoder with so many inputs and hidden units.
        epochs: Passes over the data a layer.
        batch_size: Images a step.
        lr: Adam's rate.
        seed: Of weights, order and corruption.
    """
    torch.manual_seed(seed)
    layers: list[nn.Linear] = []
    hidden = x_ND
    for width in widths:
        layer = make_layer(hidden.shape[1], width)
        _train(layer, hidden, epochs=epochs, batch_size=batch_size, lr=lr, seed=seed)
        with torch.no_grad():
            hidden = layer.encode(hidden)
        layers.append(layer.encoder)
    return layers


def _train(
    layer: Autoencoder, x_ND: Tensor, *, epochs: int, batch_size: int, lr: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(layer.parameters(), lr=lr)
    for _ in range(epochs):
        order = torch.randperm(len(x_ND), generator=generator)
        for start in range(0, len(x_ND), batch_size):
            optimizer.zero_grad()
            loss = layer.loss(x_ND[order[start : start + batch_size]], generator)
            torch.autograd.backward(loss)
            optimizer.step()
