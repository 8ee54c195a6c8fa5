"""SAM: gradients from where the loss is worst nearby."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from medcnn.errors import ConfigError


class SharpnessAware(Optimizer):
    r"""Sharpness-aware minimisation around any optimiser (Foret et al. 2021, arXiv:2010.01412).

    .. math:: w \leftarrow \mathrm{step}\bigl(w, \nabla L(w + \rho g / \lVert g \rVert)\bigr),
        \qquad g = \nabla L(w)

    The norm is over all parameters. Every batch is evaluated twice.

    Args:
        groups: Parameter groups.
        base: ``(groups) -> optimizer``, which takes the step.
        rho: Radius of the neighbourhood, above 0.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        base: Callable[[list[dict[str, Any]]], Optimizer],
        rho: float = 0.05,
    ) -> None:
        if not rho > 0:
            raise ConfigError(f"SAM's rho cannot be {rho!r}.", expected="a number above 0")
        super().__init__(groups, {})
        self.rho = rho
        self.base = base(self.param_groups)
        self._share()

    def step(self, closure: Any = None) -> Any:
        """Take a step; the closure clears gradients, evaluates the batch and differentiates.

        Raises:
            ConfigError: If there is no closure, as with 16-bit loss scaling.
        """
        if closure is None:
            raise ConfigError(
                "SAM has to evaluate each batch twice, which this precision does not allow.",
                expected="trainer.precision=bf16-mixed or 32-true",
                found="trainer.precision=16-mixed",
            )
        with torch.enable_grad():
            loss = closure()
        before = self._climb()
        with torch.enable_grad():
            closure()
        with torch.no_grad():
            for weight, value in before:
                weight.copy_(value)
        self.base.step()
        return loss

    @torch.no_grad()
    def _climb(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Move to the worst point nearby; return the weights with their values before."""
        weights = [
            weight
            for group in self.param_groups
            for weight in group["params"]
            if weight.grad is not None
        ]
        before = [(weight, weight.detach().clone()) for weight in weights]
        norm = torch.stack([torch.linalg.vector_norm(weight.grad) for weight in weights]).norm()
        for weight in weights:
            weight.add_(weight.grad * (self.rho / (norm + 1e-12)))
        return before

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the base optimiser; SAM has none of its own."""
        return self.base.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the state of the base optimiser."""
        self.base.load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        self.param_groups, self.state = self.base.param_groups, self.base.state
