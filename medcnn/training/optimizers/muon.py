"""Muon on matrices, AdamW on the rest.

Dimensions: O outputs, I inputs, K×K kernel.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from medcnn.errors import ConfigError


class MuonWithAdamW(Optimizer):
    """Orthogonalised momentum for matrices (Jordan et al. 2024), AdamW for all other parameters.

    A kernel O×I×K×K is the matrix O×IKK that it multiplies patches with. Parameters with a single
    row, such as the head of one logit, and those with one dimension go to AdamW. The steps of Muon
    are scaled to the size of AdamW's (Liu et al. 2025, arXiv:2502.16982), so one rate fits both.

    Args:
        groups: Parameter groups with ``lr`` and ``weight_decay``.
        lr: The base rate.
        weight_decay: The base decay, decoupled.
        momentum: Of Muon.
        betas: Of AdamW.

    Raises:
        ConfigError: If this torch has no Muon.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        *,
        lr: float,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.95),
    ) -> None:
        if not hasattr(torch.optim, "Muon"):
            raise ConfigError(
                "This torch has no Muon.", expected="torch 2.9 or newer", found=torch.__version__
            )
        matrices, others = _split(groups, matrix=True), _split(groups, matrix=False)
        super().__init__([*matrices, *others], {"lr": lr, "weight_decay": weight_decay})
        self._matrices = self.param_groups[: len(matrices)]
        self._others = self.param_groups[len(matrices) :]
        flat = [
            {**group, "params": [nn.Parameter(as_matrix(w.detach())) for w in group["params"]]}
            for group in self._matrices
        ]
        options: dict[str, Any] = {"lr": lr, "weight_decay": weight_decay}
        self._muon: Any = (
            torch.optim.Muon(flat, momentum=momentum, adjust_lr_fn="match_rms_adamw", **options)
            if flat
            else None
        )
        self._adamw: Any = (
            torch.optim.AdamW([dict(group) for group in self._others], betas=betas, **options)
            if others
            else None
        )

    def step(self, closure: Any = None) -> Any:
        """Take one step with each of the two."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if self._muon is not None:
            for group, flat in zip(self._matrices, self._muon.param_groups, strict=True):
                flat["lr"] = group["lr"]
                for weight, matrix in zip(group["params"], flat["params"], strict=True):
                    matrix.data = as_matrix(weight.detach())
                    matrix.grad = None if weight.grad is None else _like(weight.grad, weight)
            self._muon.step()
        if self._adamw is not None:
            for group, inner in zip(self._others, self._adamw.param_groups, strict=True):
                inner["lr"] = group["lr"]
            self._adamw.step()
        return loss

    def inherit(self, before: MuonWithAdamW) -> None:
        """Take over what another one had learnt of the parameters they share."""
        flat = before._flat()
        for weight, matrix in self._flat().items():
            if weight in flat and flat[weight] in before._muon.state:
                self._muon.state[matrix] = before._muon.state[flat[weight]]
        for group in self._others:
            for weight in group["params"]:
                if before._adamw is not None and weight in before._adamw.state:
                    self._adamw.state[weight] = before._adamw.state[weight]

    def _flat(self) -> dict[nn.Parameter, nn.Parameter]:
        """Return the matrix of each kernel."""
        if self._muon is None:
            return {}
        return {
            weight: matrix
            for group, flat in zip(self._matrices, self._muon.param_groups, strict=True)
            for weight, matrix in zip(group["params"], flat["params"], strict=True)
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the states of the two and the groups with their rates."""
        return super().state_dict() | {
            "muon": self._muon.state_dict() if self._muon else None,
            "adamw": self._adamw.state_dict() if self._adamw else None,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the states of the two and the groups with their rates."""
        count = len(self._matrices)
        super().load_state_dict({key: state_dict[key] for key in ("state", "param_groups")})
        self._matrices, self._others = self.param_groups[:count], self.param_groups[count:]
        if self._muon is not None:
            self._muon.load_state_dict(state_dict["muon"])
        if self._adamw is not None:
            self._adamw.load_state_dict(state_dict["adamw"])


def as_matrix(weight: Tensor) -> Tensor:
    """Return a kernel O×I×K×K as a matrix with O rows, on the same memory.

    The order of the columns follows the memory layout; orthogonalisation does not depend on it.
    """
    if weight.ndim == 4 and not weight.is_contiguous():
        weight = weight.permute(0, 2, 3, 1)
    return weight.view(len(weight), -1)


def _like(gradient: Tensor, weight: Tensor) -> Tensor:
    """Return the gradient as a matrix whose columns stand in the order of the weight's."""
    if weight.ndim == 4 and not weight.is_contiguous():
        gradient = gradient.permute(0, 2, 3, 1)
    return gradient.reshape(len(gradient), -1)


def _split(groups: list[dict[str, Any]], *, matrix: bool) -> list[dict[str, Any]]:
    split = []
    for group in groups:
        members = [w for w in group["params"] if (w.ndim > 1 and len(w) > 1) == matrix]
        if members:
            split.append({**group, "params": members})
    return split
