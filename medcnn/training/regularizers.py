r"""Penalties and constraints on weights.

The lectures' elastic net, :math:`L + \lambda_1 \lVert W \rVert_1 + \lambda_2 \tfrac12 \lVert W
\rVert_2^2`, is part of the objective; decoupled decay and max-norm act on the weights at each step.
Biases, normalisation and chosen layers are exempt.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from medcnn.errors import unknown_name
from medcnn.layers.constraints import max_norm
from medcnn.training import settings


def l1(weights: Iterable[Tensor]) -> Tensor:
    r"""Return :math:`\sum |w|`, which drives weights to exactly 0."""
    return torch.stack([weight.abs().sum() for weight in weights]).sum()


def l2(weights: Iterable[Tensor]) -> Tensor:
    r"""Return :math:`\frac12 \sum w^2`, whose gradient is w: weight decay."""
    return 0.5 * torch.stack([weight.square().sum() for weight in weights]).sum()


class Penalty(settings.Penalty):
    """What weights cost, and what holds them small, by the coefficients of the settings.

    With decoupled decay every weight loses ``lr * decay`` of itself at each step, whatever the
    optimiser makes of its gradient (Loshchilov, Hutter 2019, arXiv:1711.05101). ``max_norm`` is often
    2 to 4 (Srivastava 2014). An exempt name may hold ``*`` for any text.
    """

    def weights(self, network: nn.Module) -> list[nn.Parameter]:
        """Return the trainable weights that are not exempt.

        Raises:
            ConfigError: If an exempt name fits no parameter.
        """
        names = [name for name, _ in network.named_parameters()]
        for pattern in self.exempt:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise unknown_name("parameter to exempt from the penalty", pattern, names)
        return [
            parameter
            for name, parameter in network.named_parameters()
            if parameter.requires_grad
            and parameter.ndim > 1
            and not any(fnmatchcase(name, pattern) for pattern in self.exempt)
        ]

    def value(self, network: nn.Module) -> Tensor | None:
        """Return what the weights add to the objective, None if that is nothing by configuration."""
        if not (self.l1 or self.l2):
            return None
        weights = self.weights(network)
        total = torch.zeros((), device=weights[0].device) if weights else torch.zeros(())
        if weights and self.l1:
            total = total + self.l1 * l1(weights)
        if weights and self.l2:
            total = total + self.l2 * l2(weights)
        return total

    def attach(self, optimizer: torch.optim.Optimizer, network: nn.Module) -> None:
        """Let decay and max-norm act at every step of an optimiser."""
        weights = self.weights(network)
        chosen = {id(weight) for weight in weights}

        @torch.no_grad()
        def shrink(optimizer: torch.optim.Optimizer, *_: Any) -> None:
            for group in optimizer.param_groups:
                for weight in group["params"]:
                    if id(weight) in chosen:
                        weight.mul_(1 - group["lr"] * self.decay)

        @torch.no_grad()
        def project(*_: Any) -> None:
            for weight in weights:
                weight.copy_(max_norm(weight, self.max_norm or 0.0))

        if self.decay:
            optimizer.register_step_pre_hook(shrink)
        if self.max_norm is not None:
            optimizer.register_step_post_hook(project)
