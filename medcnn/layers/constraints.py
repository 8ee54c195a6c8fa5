"""Constraints on weights, applied after an optimiser step."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from medcnn.errors import ConfigError
from medcnn.layers.structured_dropout import DropConnect


def max_norm(weight: Tensor, limit: float, dim: int = 0) -> Tensor:
    r"""Project the weight vector of every unit onto the ball of radius ``limit``.

    .. math:: w \leftarrow w \cdot \min(1, c / \lVert w \rVert_2)

    Args:
        weight: Weights of a layer.
        limit: c, the greatest Euclidean norm allowed.
        dim: The dimension that counts the units; all others make up one vector.
    """
    others = [axis for axis in range(weight.dim()) if axis != dim]
    norms = torch.linalg.vector_norm(weight, dim=others, keepdim=True)
    return weight * torch.where(norms > limit, limit / norms, 1.0)


@torch.no_grad()
def constrain_max_norm(model: nn.Module, limit: float) -> int:
    """Project the weights of all fully connected and convolutional layers, in place.

    Frozen weights (``requires_grad`` False) are left alone. With dropout it lets a network learn at
    a high rate without its weights growing (Srivastava et al. 2014, section 5.1).

    Args:
        model: Any model.
        limit: The greatest norm of the weights into one unit, often 2 to 4.

    Returns:
        How many weight vectors were shortened.

    Raises:
        ConfigError: If the limit is not positive.
    """
    if not limit > 0:
        raise ConfigError(
            "The limit of the max-norm constraint is out of range.",
            expected="a positive number, often 2 to 4",
            found=str(limit),
            remedy="leave the constraint out to allow any norm",
        )
    shortened = 0
    for layer in model.modules():
        if not isinstance(layer, nn.Linear | _ConvNd | DropConnect):
            continue
        if not layer.weight.requires_grad:
            continue
        dim = 1 if isinstance(layer, _ConvTransposeNd) else 0
        vectors = layer.weight.movedim(dim, 0).flatten(1)
        shortened += int((torch.linalg.vector_norm(vectors, dim=1) > limit).sum())
        layer.weight.copy_(max_norm(layer.weight, limit, dim))
    return shortened
