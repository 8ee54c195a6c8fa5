"""Batch normalisation: per unit of a fully connected layer, per channel of a convolution.

Dimension letters: N examples, C units or channels, P positions in a channel (1 for a unit);
m = N·P values share one mean and one variance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.modules.batchnorm import _BatchNorm

from medcnn.layers.example import Example
from medcnn.layers.precision import widened

Moments = tuple[Tensor, Tensor, Tensor]


class BatchNormFunction(Function):
    r"""Normalisation by the statistics of the mini-batch, and its gradient.

    .. math::
        \mu = \frac{1}{m} \sum_i x_i, \qquad
        \sigma^2 = \frac{1}{m} \sum_i (x_i - \mu)^2, \qquad
        \hat{x}_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad
        y_i = \gamma \hat{x}_i + \beta .

    With :math:`\delta_i = \partial L / \partial y_i` and :math:`r = 1 / \sqrt{\sigma^2 + \epsilon}`
    the parameters receive

    .. math::
        \frac{\partial L}{\partial \beta} = \sum_i \delta_i, \qquad
        \frac{\partial L}{\partial \gamma} = \sum_i \delta_i \hat{x}_i .

    Every output depends on every input of its channel, through :math:`\mu` and :math:`\sigma^2`.
    From :math:`\partial \mu / \partial x_i = 1/m` and
    :math:`\partial r / \partial x_i = -r^2 \hat{x}_i / m` follows
    :math:`\partial \hat{x}_j / \partial x_i = r (\mathbb{1}_{ij} - 1/m - \hat{x}_i \hat{x}_j / m)`,
    and summed over j

    .. math::
        \frac{\partial L}{\partial x_i} = \gamma r \Bigl( \delta_i
            - \frac{1}{m} \frac{\partial L}{\partial \beta}
            - \frac{\hat{x}_i}{m} \frac{\partial L}{\partial \gamma} \Bigr) .

    Two sums over the channel, then one map :math:`a \delta_i + b x_i + c` with per-channel a, b, c:
    that is all the backward computes. Differentiated again, it makes the moments anew from x, so
    that the second derivative sees them vary. Ioffe and Szegedy 2015, arXiv:1502.03167.
    """

    @staticmethod
    def forward(
        ctx: Any, x_NCP: Tensor, weight_C: Tensor | None, bias_C: Tensor | None, eps: float
    ) -> Moments:
        """Return the output, and the mean and the (biased) variance of every channel."""
        m = _values_per_channel(x_NCP)
        mean_C = x_NCP.sum((0, 2)) / m
        y_NCP = x_NCP - mean_C[:, None]
        var_C = torch.linalg.vector_norm(y_NCP, dim=2).square().sum(0) / m
        rstd_C = torch.rsqrt(var_C + eps)
        ctx.save_for_backward(x_NCP, weight_C, mean_C, rstd_C)
        ctx.eps, ctx.has_bias = eps, bias_C is not None
        ctx.mark_non_differentiable(mean_C, var_C)
        y_NCP.mul_((rstd_C if weight_C is None else rstd_C * weight_C)[:, None])
        if bias_C is not None:
            y_NCP.add_(bias_C[:, None])
        return y_NCP, mean_C, var_C

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """Return the gradients of the input, gamma and beta."""
        delta_NCP = grad_outputs[0]
        x_NCP, weight_C, mean_C, rstd_C = ctx.saved_tensors
        again = torch.is_grad_enabled()
        if again:
            var_C, mean_C = torch.var_mean(x_NCP, (0, 2), correction=0)
            rstd_C = torch.rsqrt(var_C + ctx.eps)
        scratch_NCP = delta_NCP * x_NCP
        dbias_C = delta_NCP.sum((0, 2))
        dweight_C = (scratch_NCP.sum((0, 2)) - mean_C * dbias_C) * rstd_C
        a_C = rstd_C if weight_C is None else rstd_C * weight_C
        scaled_C = a_C / -_values_per_channel(x_NCP)
        b_C = scaled_C * rstd_C * dweight_C
        c_C = torch.addcmul(scaled_C * dbias_C, b_C, mean_C, value=-1)
        # Writing over the products spares two allocations, which cost more than the arithmetic.
        dx_NCP = torch.mul(delta_NCP, a_C[:, None], out=None if again else scratch_NCP)
        dx_NCP.addcmul_(x_NCP, b_C[:, None]).add_(c_C[:, None])
        return (
            dx_NCP,
            None if weight_C is None else dweight_C,
            dbias_C if ctx.has_bias else None,
            None,
        )


normalize_batch: Callable[[Tensor, Tensor | None, Tensor | None, float], Moments] = (
    BatchNormFunction.apply
)


def _values_per_channel(x_NCP: Tensor) -> int:
    return x_NCP.shape[0] * x_NCP.shape[2]


class ChannelAffineFunction(Function):
    r"""One affine map per channel, which batch normalisation is at test time.

    .. math:: y_i = a x_i + c, \qquad
        \frac{\partial L}{\partial x_i} = a \delta_i, \qquad
        \frac{\partial L}{\partial a} = \sum_i \delta_i x_i, \qquad
        \frac{\partial L}{\partial c} = \sum_i \delta_i,

    with :math:`a = \gamma / \sqrt{\bar\sigma^2 + \epsilon}` and :math:`c = \beta - a \bar\mu` from
    the population statistics. The backward uses only its inputs and may be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, x_NCP: Tensor, a_C: Tensor, c_C: Tensor) -> Tensor:
        """Return the mapped channels."""
        ctx.save_for_backward(x_NCP, a_C)
        return (x_NCP * a_C[:, None]).add_(c_C[:, None])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """Return the gradients of the input, the slope and the offset."""
        (delta_NCP,) = grad_outputs
        x_NCP, a_C = ctx.saved_tensors
        needs_x, needs_a, needs_c = ctx.needs_input_grad
        return (
            delta_NCP * a_C[:, None] if needs_x else None,
            (delta_NCP * x_NCP).sum((0, 2)) if needs_a else None,
            delta_NCP.sum((0, 2)) if needs_c else None,
        )


apply_channel_affine: Callable[[Tensor, Tensor, Tensor], Tensor] = ChannelAffineFunction.apply


def population_affine(
    layer: _BatchNorm, running_mean: Tensor, running_var: Tensor
) -> tuple[Tensor, Tensor]:
    """Return slope and offset of the map that ``layer`` is at test time, one pair per channel."""
    slope = torch.rsqrt(widened(running_var) + layer.eps)
    if layer.affine:
        slope = slope * widened(layer.weight)
    offset = -widened(running_mean) * slope
    return slope, offset + widened(layer.bias) if layer.affine else offset


def update_running_statistics(layer: _BatchNorm, mean: Tensor, var: Tensor, count: int) -> None:
    """Move the running statistics towards those of one batch.

    ``running = (1 - momentum) running + momentum batch``, with the unbiased variance of the batch;
    momentum None weighs all batches seen so far alike.
    """
    seen = layer.num_batches_tracked
    if layer.running_mean is None or layer.running_var is None or seen is None or count == 0:
        return
    seen.add_(1)
    unbiased = var * (count / (count - 1))
    for running, value in ((layer.running_mean, mean), (layer.running_var, unbiased)):
        if layer.momentum is None:
            weight = seen.to(running.dtype).reciprocal()
            running.lerp_(value.to(running.dtype), weight)
        else:
            running.mul_(1 - layer.momentum).add_(value.to(running.dtype), alpha=layer.momentum)


def batch_norm(layer: _BatchNorm, x: Tensor) -> Tensor:
    """Normalise N×C×… by the batch while training and by the running statistics otherwise.

    Raises:
        ValueError: If a training batch has only one value per channel.
    """
    x_NCP = _flattened(widened(x))
    weight = widened(layer.weight) if layer.affine else None
    bias = widened(layer.bias) if layer.affine else None
    if layer.training or layer.running_mean is None or layer.running_var is None:
        count = _values_per_channel(x_NCP)
        if count == 1:
            raise ValueError(
                "Expected more than 1 value per channel when training, "
                f"got input size {tuple(x.shape)}"
            )
        y_NCP, mean, var = normalize_batch(x_NCP, weight, bias, layer.eps)
        if layer.training:
            update_running_statistics(layer, mean, var, count)
    else:
        slope, offset = population_affine(layer, layer.running_mean, layer.running_var)
        y_NCP = apply_channel_affine(x_NCP, slope, offset)
    return y_NCP.reshape(x.shape).to(x.dtype)


def _flattened(x: Tensor) -> Tensor:
    return x.unsqueeze(2) if x.dim() == 2 else x.flatten(2)


class BatchNorm1d(nn.BatchNorm1d):
    """``torch.nn.BatchNorm1d`` with the written gradient: same options, state and statistics."""

    reference = nn.BatchNorm1d
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_features": 3}, (5, 3), (256, 3)),
        Example({"num_features": 3, "affine": False, "momentum": None}, (4, 3, 5)),
    )

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised N×C units or N×C×L channels."""
        if input.dim() not in (2, 3):
            raise ValueError(f"expected 2D or 3D input (got {input.dim()}D input)")
        return batch_norm(self, input)


class BatchNorm2d(nn.BatchNorm2d):
    """``torch.nn.BatchNorm2d`` with the written gradient: same options, state and statistics."""

    reference = nn.BatchNorm2d
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_features": 3}, (4, 3, 5, 4), (16, 3, 64, 64)),
        Example({"num_features": 2, "track_running_stats": False}, (3, 2, 4, 4)),
    )

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised N×C×H×W channels."""
        if input.dim() != 4:
            raise ValueError(f"expected 4D input (got {input.dim()}D input)")
        return batch_norm(self, input)
