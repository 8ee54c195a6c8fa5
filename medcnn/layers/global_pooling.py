"""Global pooling: one value a channel, of any image size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd import Function

from medcnn.layers.example import Example


class GlobalAverageFunction(Function):
    """The mean of each channel over its m pixels; every pixel receives δ/m."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return one value a channel, with both spatial dimensions kept at size 1."""
        ctx.shape = x.shape
        return x.sum((-2, -1), keepdim=True) / (x.shape[-2] * x.shape[-1])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        """Return the error spread evenly."""
        dx: Tensor = grad_outputs[0].expand(ctx.shape) / (ctx.shape[-2] * ctx.shape[-1])
        return dx


class GlobalMaximumFunction(Function):
    """The greatest value of each channel; its pixel receives the whole error.

    Of equal values the first in row order counts. The backward is linear in the error and may be
    differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return one value a channel, with both spatial dimensions kept at size 1."""
        maxima, winner = x.flatten(-2).max(-1, keepdim=True)
        ctx.save_for_backward(winner)
        ctx.shape = x.shape
        return maxima.unsqueeze(-1)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        """Return the error at the pixel that was the maximum."""
        (winner,) = ctx.saved_tensors
        (delta,) = grad_outputs
        flat = delta.new_zeros(*ctx.shape[:-2], ctx.shape[-2] * ctx.shape[-1])
        return torch.scatter(flat, -1, winner, delta.squeeze(-1)).reshape(ctx.shape)


apply_global_average: Callable[[Tensor], Tensor] = GlobalAverageFunction.apply
apply_global_maximum: Callable[[Tensor], Tensor] = GlobalMaximumFunction.apply


class GlobalAvgPool2d(nn.Module):
    """One mean a channel, of any image size."""

    reference = partial(nn.AdaptiveAvgPool2d, 1)
    examples: ClassVar[tuple[Example, ...]] = (Example({}, (2, 3, 5, 4), (16, 8, 32, 32)),)

    def forward(self, x: Tensor) -> Tensor:
        """Return N×C×1×1 means."""
        return apply_global_average(x)


class GlobalMaxPool2d(nn.Module):
    """One maximum a channel, of any image size: max pooling with a window as large as the image."""

    reference = partial(nn.AdaptiveMaxPool2d, 1)
    examples: ClassVar[tuple[Example, ...]] = (Example({}, (2, 3, 5, 4), (16, 8, 32, 32)),)

    def forward(self, x: Tensor) -> Tensor:
        """Return N×C×1×1 maxima."""
        return apply_global_maximum(x)
