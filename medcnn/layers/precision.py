"""Number formats: what autocast asks for, and what sums are accumulated in."""

from __future__ import annotations

import torch
from torch import Tensor

_LOW = (torch.float16, torch.bfloat16)


def as_autocast(tensor: Tensor) -> Tensor:
    """Cast an operand of a matrix product as ``torch.autocast`` casts those of torch's own.

    A written backward runs outside autocast, so that the cast has to happen before the
    ``autograd.Function``; autograd then casts the gradient back. float64 is left alone, as torch
    leaves it.
    """
    device = tensor.device.type
    if tensor.dtype == torch.float64 or not torch.is_autocast_enabled(device):
        return tensor
    return tensor.to(torch.get_autocast_dtype(device))


def widened(tensor: Tensor) -> Tensor:
    """Return float16 and bfloat16 as float32, in which torch's own kernels accumulate too."""
    return tensor.float() if tensor.dtype in _LOW else tensor
