"""Layer, instance and group normalisation: per-example statistics, alike in training and test.

They share one formula and differ in which values are pooled into one mean and one variance: all
features of an example (layer), one channel of an example (instance), or a group of channels of an
example (group). None depends on the other examples of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd import Function

from medcnn.layers.example import Example
from medcnn.layers.precision import widened


class StandardizeFunction(Function):
    r"""Standardisation over chosen dimensions with a learnt affine map, and its gradient.

    Over the m values that share one mean and one variance,

    .. math:: \hat{x}_i = r (x_i - \mu), \qquad r = (\sigma^2 + \epsilon)^{-1/2}, \qquad
        y_i = \gamma_i \hat{x}_i + \beta_i .

    With :math:`g_i = \gamma_i \, \partial L / \partial y_i`, the error at :math:`\hat{x}_i`, and
    :math:`\partial \hat{x}_j / \partial x_i = r (\mathbb{1}_{ij} - 1/m - \hat{x}_i \hat{x}_j / m)`,

    .. math::
        \frac{\partial L}{\partial x_i} = r \Bigl( g_i - \frac{1}{m} \sum_j g_j
            - \hat{x}_i \frac{1}{m} \sum_j g_j \hat{x}_j \Bigr) .

    Unlike in batch normalisation gamma may differ between the values that are pooled, so that it
    has to stay inside the sums. Gamma and beta receive :math:`\sum \delta \hat{x}` and
    :math:`\sum \delta` over all values that they act on. Differentiated again, the backward makes
    the statistics anew from x. Ba et al. 2016 (arXiv:1607.06450), Ulyanov et al. 2016
    (arXiv:1607.08022), Wu and He 2018 (arXiv:1803.08494).
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        dims: tuple[int, ...],
        eps: float,
    ) -> Tensor:
        """Return the standardised values; ``weight`` and ``bias`` are broadcast against ``x``."""
        var, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
        rstd = torch.rsqrt(var + eps)
        ctx.save_for_backward(x, weight, bias, mean, rstd)
        ctx.dims, ctx.eps = dims, eps
        y = (x - mean).mul_(rstd)
        if weight is not None:
            y.mul_(weight)
        return y if bias is None else y.add_(bias)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """Return the gradients of the input, gamma and beta."""
        (delta,) = grad_outputs
        x, weight, bias, mean, rstd = ctx.saved_tensors
        if torch.is_grad_enabled():
            var, mean = torch.var_mean(x, ctx.dims, correction=0, keepdim=True)
            rstd = torch.rsqrt(var + ctx.eps)
        normal = (x - mean) * rstd
        g = delta if weight is None else delta * weight
        projection = (g * normal).mean(ctx.dims, keepdim=True)
        dx = rstd * (g - g.mean(ctx.dims, keepdim=True) - normal * projection)
        dweight = None if weight is None else (delta * normal).sum_to_size(weight.shape)
        dbias = None if bias is None else delta.sum_to_size(bias.shape)
        return dx, dweight, dbias, None, None


_standardize: Callable[[Tensor, Tensor | None, Tensor | None, tuple[int, ...], float], Tensor] = (
    StandardizeFunction.apply
)


def standardize(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    dims: tuple[int, ...],
    shape: tuple[int, ...],
    eps: float,
) -> Tensor:
    """Standardise ``x`` over ``dims``, with gamma and beta viewed as ``shape``.

    float16 and bfloat16 are computed in float32 and returned in their own format.
    """
    gamma = None if weight is None else widened(weight).view(shape)
    beta = None if bias is None else widened(bias).view(shape)
    return _standardize(widened(x), gamma, beta, dims, eps).to(x.dtype)


class LayerNorm(nn.LayerNorm):
    """``torch.nn.LayerNorm`` with the written gradient: same options and state.

    Raises:
        RuntimeError: If the last dimensions of the input are not ``normalized_shape``.
    """

    reference = nn.LayerNorm
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"normalized_shape": 6}, (3, 4, 6), (256, 4, 6)),
        Example({"normalized_shape": (4, 5), "bias": False}, (2, 4, 5)),
    )

    def forward(self, input: Tensor) -> Tensor:
        """Return the values standardised over the last dimensions."""
        shape = tuple(self.normalized_shape)
        if tuple(input.shape[-len(shape) :]) != shape:
            raise RuntimeError(
                f"Given normalized_shape={list(shape)}, expected input with shape "
                f"[*, {', '.join(map(str, shape))}], but got input of size{list(input.shape)}"
            )
        dims = tuple(range(-len(shape), 0))
        return standardize(input, self.weight, self.bias, dims, shape, self.eps)


class InstanceNorm2d(nn.InstanceNorm2d):
    """``torch.nn.InstanceNorm2d`` with the written gradient, without running statistics.

    Raises:
        ValueError: If a channel holds a single pixel while training, or the input is not 3D or 4D.
    """

    reference = nn.InstanceNorm2d
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_features": 3, "affine": True}, (4, 3, 5, 4), (8, 3, 28, 28)),
        Example({"num_features": 2}, (3, 2, 4, 4)),
    )

    def __init__(self, num_features: int, eps: float = 1e-5, affine: bool = False) -> None:
        super().__init__(num_features, eps, affine=affine)

    def forward(self, input: Tensor) -> Tensor:
        """Return each channel of each example standardised over its pixels."""
        if input.dim() not in (3, 4):
            raise ValueError(f"expected 3D or 4D input (got {input.dim()}D input)")
        if input.shape[-1] * input.shape[-2] == 1:
            raise ValueError(
                "Expected more than 1 spatial element when training, "
                f"got input size {tuple(input.shape)}"
            )
        shape = (self.num_features, 1, 1)
        return standardize(input, self.weight, self.bias, (-2, -1), shape, self.eps)


class GroupNorm(nn.GroupNorm):
    """``torch.nn.GroupNorm`` with the written gradient: same options and state."""

    reference = nn.GroupNorm
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_groups": 2, "num_channels": 6}, (3, 6, 4, 5), (8, 6, 28, 28)),
        Example({"num_groups": 3, "num_channels": 6, "affine": False}, (4, 6)),
    )

    def forward(self, input: Tensor) -> Tensor:
        """Return each group of channels of each example standardised."""
        per_group = self.num_channels // self.num_groups
        values = math.prod(input.shape[2:])
        grouped = input.reshape(input.shape[0], self.num_groups, per_group, values)
        shape = (self.num_groups, per_group, 1)
        return standardize(grouped, self.weight, self.bias, (2, 3), shape, self.eps).reshape(
            input.shape
        )
