"""What all layers that draw random numbers have in common."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class StochasticLayer(nn.Module):
    """A layer that draws random numbers while training and is deterministic in evaluation.

    Monte Carlo dropout puts it alone into training mode, and the rest of the network stays in
    evaluation: ``medcnn.inference.mc_dropout``.

    Attributes:
        generator: The source of the random numbers. None means torch's global one, so that
            ``torch.manual_seed`` decides, and so that the draws are those of the torch twin on the
            CPU. A generator has to live on the device of the input; it is not part of the state.
    """

    def __init__(self) -> None:
        super().__init__()
        self.generator: torch.Generator | None = None

    def bernoulli(self, like: Tensor, shape: tuple[int, ...], probability: float) -> Tensor:
        """Return ones with ``probability`` and zeros otherwise, with the dtype of ``like``.

        A mask of the full shape takes over the memory format of ``like``, because torch fills in
        the order of the memory.
        """
        full = tuple(like.shape) == tuple(shape)
        mask = torch.empty_like(like) if full else like.new_empty(shape)
        return mask.detach().bernoulli_(probability, generator=self.generator)

    def normal(self, like: Tensor) -> Tensor:
        """Return standard normal numbers with the shape and dtype of ``like``."""
        return torch.empty_like(like).detach().normal_(generator=self.generator)

    def uniform(self, like: Tensor, low: float, high: float) -> Tensor:
        """Return numbers drawn evenly from [low, high) with the shape and dtype of ``like``."""
        return torch.empty_like(like).detach().uniform_(low, high, generator=self.generator)
