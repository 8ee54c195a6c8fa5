"""Batch normalisation: per unit of a fully connected layer, per channel of a convolution.

Dimension letters: N examples, C units or channels, P positions in a channel (1 for a unit);
m = N·P values share one mean and one variance. What is normalised is taken as it lies in memory and
never copied, see ``channel_layout``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.functional import mse_loss
from torch.nn.modules.batchnorm import _BatchNorm

from medcnn.layers.channel_layout import (
    along,
    channel_sum,
    flattened,
    in_parts,
    is_channels_last,
    pooled_dims,
    shaped_like,
    total,
    values_per_channel,
)
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
        ctx: Any, x: Tensor, weight_C: Tensor | None, bias_C: Tensor | None, eps: float
    ) -> Moments:
        """Return the output, and the mean and the (biased) variance of every channel."""
        flat = flattened(x, is_channels_last(x))
        normalize = _normalize_rows if flat.dim() == 2 else _normalize_positions
        y, mean_C, var_C, rstd_C = normalize(flat, weight_C, bias_C, eps)
        ctx.save_for_backward(x, weight_C, mean_C, rstd_C)
        ctx.eps, ctx.has_bias = eps, bias_C is not None
        ctx.mark_non_differentiable(mean_C, var_C)
        return shaped_like(y, x), mean_C, var_C

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """Return the gradients of the input, gamma and beta."""
        x, weight_C, mean_C, rstd_C = ctx.saved_tensors
        last = is_channels_last(x)
        flat, delta = flattened(x, last), flattened(grad_outputs[0], last)
        if torch.is_grad_enabled():
            var_C, mean_C = torch.var_mean(flat, pooled_dims(flat), correction=0)
            rstd_C = torch.rsqrt(var_C + ctx.eps)
        sums = [
            (channel_sum(error), channel_sum(error * part)) for error, part in in_parts(delta, flat)
        ]
        dbias_C, dot_C = (total(each) for each in zip(*sums, strict=True))
        dweight_C = torch.addcmul(dot_C, mean_C, dbias_C, value=-1) * rstd_C
        a_C = rstd_C if weight_C is None else rstd_C * weight_C
        scaled_C = a_C / -values_per_channel(flat)
        b_C = scaled_C * rstd_C * dweight_C
        c_C = torch.addcmul(scaled_C * dbias_C, b_C, mean_C, value=-1)
        return (
            shaped_like(_input_gradient(delta, flat, a_C, b_C, c_C), x),
            None if weight_C is None else dweight_C,
            dbias_C if ctx.has_bias else None,
            None,
        )


normalize_batch: Callable[[Tensor, Tensor | None, Tensor | None, float], Moments] = (
    BatchNormFunction.apply
)


def _normalize_positions(
    x_NCP: Tensor, weight_C: Tensor | None, bias_C: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    m = values_per_channel(x_NCP)
    mean_C = channel_sum(x_NCP).div_(m)
    y_NCP = x_NCP - mean_C[:, None]
    var_C = torch.linalg.vector_norm(y_NCP, dim=2).square().sum(0).div_(m)
    rstd_C = torch.rsqrt(var_C + eps)
    y_NCP.mul_((rstd_C if weight_C is None else rstd_C * weight_C)[:, None])
    if bias_C is not None:
        y_NCP.add_(bias_C[:, None])
    return y_NCP, mean_C, var_C, rstd_C


def _normalize_rows(
    x_MC: Tensor, weight_C: Tensor | None, bias_C: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    m = values_per_channel(x_MC)
    mean_C = channel_sum(x_MC).div_(m)
    # The error of the mean as a guess is the squared deviations in one pass.
    squares_C = [
        channel_sum(mse_loss(part, mean_C.expand_as(part), reduction="none"))
        for (part,) in in_parts(x_MC)
    ]
    var_C = total(squares_C).div_(m)
    rstd_C = torch.rsqrt(var_C + eps)
    a_C = rstd_C if weight_C is None else rstd_C * weight_C
    c_C = -mean_C * a_C if bias_C is None else torch.addcmul(bias_C, mean_C, a_C, value=-1)
    return torch.addcmul(c_C, x_MC, a_C), mean_C, var_C, rstd_C


def _input_gradient(delta: Tensor, flat: Tensor, a_C: Tensor, b_C: Tensor, c_C: Tensor) -> Tensor:
    a, b, c = (along(value_C, flat) for value_C in (a_C, b_C, c_C))
    if torch.is_grad_enabled():
        return delta * a + (flat * b + c)
    dx = torch.empty_like(flat)
    for error, part, out in in_parts(delta, flat, dx):
        if part.dim() == 2:
            torch.addcmul(c, part, b, out=out).addcmul_(error, a)
        else:
            torch.mul(error, a, out=out).addcmul_(part, b).add_(c)
    return dx


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
    def forward(ctx: Any, x: Tensor, a_C: Tensor, c_C: Tensor) -> Tensor:
        """Return the mapped channels."""
        ctx.save_for_backward(x, a_C)
        flat = flattened(x, is_channels_last(x))
        if flat.dim() == 2:
            return shaped_like(torch.addcmul(c_C, flat, a_C), x)
        return shaped_like((flat * along(a_C, flat)).add_(along(c_C, flat)), x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """Return the gradients of the input, the slope and the offset."""
        x, a_C = ctx.saved_tensors
        last = is_channels_last(x)
        flat, delta = flattened(x, last), flattened(grad_outputs[0], last)
        needs_x, needs_a, needs_c = ctx.needs_input_grad
        return (
            shaped_like(delta * along(a_C, flat), x) if needs_x else None,
            channel_sum(delta * flat) if needs_a else None,
            channel_sum(delta) if needs_c else None,
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
    if layer.running_mean is None or layer.running_var is None or seen is None:
        return
    seen.add_(1)
    if count == 0:
        return
    unbiased = var * (count / (count - 1))
    for running, value in ((layer.running_mean, mean), (layer.running_var, unbiased)):
        weight = layer.momentum
        running.lerp_(
            value.to(running.dtype),
            seen.to(running.dtype).reciprocal() if weight is None else weight,
        )


def batch_norm(layer: _BatchNorm, x: Tensor) -> Tensor:
    """Normalise N×C×… by the batch while training and by the running statistics otherwise.

    Raises:
        ValueError: If a training batch has only one value per channel.
    """
    count = x.shape[0] * x.shape[2:].numel()
    if count == 1 and (layer.training or layer.running_mean is None):
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {tuple(x.shape)}"
        )
    wide = widened(x)
    if not layer.training and layer.running_mean is not None and layer.running_var is not None:
        slope, offset = population_affine(layer, layer.running_mean, layer.running_var)
        return apply_channel_affine(wide, slope, offset).to(x.dtype)
    weight = widened(layer.weight) if layer.affine else None
    bias = widened(layer.bias) if layer.affine else None
    y, mean, var = normalize_batch(wide, weight, bias, layer.eps)
    if layer.training:
        update_running_statistics(layer, mean, var, count)
    return y.to(x.dtype)


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
