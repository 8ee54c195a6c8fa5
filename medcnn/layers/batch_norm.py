"""Batch normalisation: per unit of a fully connected layer, per channel of a convolution.

Dimension letters: N examples, C units or channels, P positions in a channel (1 for a unit);
m = N·P values share one mean and one variance. What is normalised is taken as it lies in memory and
never copied: as x_NCP, or as x_MC with M = N·P rows where channels are last, and for units. In either
form ``_sum`` adds up the values of each channel and ``_along`` lays one value a channel along them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.functional import mse_loss
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
        ctx: Any, x: Tensor, weight_C: Tensor | None, bias_C: Tensor | None, eps: float
    ) -> Moments:
        """Return the output, and the mean and the (biased) variance of every channel."""
        normalize = _normalize_rows if x.dim() == 2 else _normalize_positions
        y, mean_C, var_C, rstd_C = normalize(x, weight_C, bias_C, eps)
        ctx.save_for_backward(x, weight_C, mean_C, rstd_C)
        ctx.eps, ctx.has_bias = eps, bias_C is not None
        ctx.mark_non_differentiable(mean_C, var_C)
        return y, mean_C, var_C

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """Return the gradients of the input, gamma and beta."""
        delta = grad_outputs[0]
        x, weight_C, mean_C, rstd_C = ctx.saved_tensors
        again = torch.is_grad_enabled()
        if again:
            dims = [dim for dim in range(x.dim()) if dim != 1]
            var_C, mean_C = torch.var_mean(x, dims, correction=0)
            rstd_C = torch.rsqrt(var_C + ctx.eps)
        sums = [(_sum(error), _sum(error * part)) for error, part in _parts(delta, x)]
        dbias_C, dot_C = (_total(each) for each in zip(*sums, strict=True))
        dweight_C = (dot_C - mean_C * dbias_C) * rstd_C
        a_C = rstd_C if weight_C is None else rstd_C * weight_C
        scaled_C = a_C / -_values_per_channel(x)
        b_C = scaled_C * rstd_C * dweight_C
        c_C = torch.addcmul(scaled_C * dbias_C, b_C, mean_C, value=-1)
        a, b, c = (_along(value_C, x) for value_C in (a_C, b_C, c_C))
        if again:
            dx = delta * a + (x * b + c)
        else:
            dx = torch.empty_like(x)
            for error, part, out in _parts(delta, x, dx):
                if x.dim() == 2:
                    torch.addcmul(c, part, b, out=out).addcmul_(error, a)
                else:
                    torch.mul(error, a, out=out).addcmul_(part, b).add_(c)
        return (
            dx,
            None if weight_C is None else dweight_C,
            dbias_C if ctx.has_bias else None,
            None,
        )


normalize_batch: Callable[[Tensor, Tensor | None, Tensor | None, float], Moments] = (
    BatchNormFunction.apply
)


def _values_per_channel(x: Tensor) -> int:
    return x.shape[0] * (x.shape[2] if x.dim() == 3 else 1)


def _normalize_positions(
    x_NCP: Tensor, weight_C: Tensor | None, bias_C: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    m = _values_per_channel(x_NCP)
    mean_C = _sum(x_NCP) / m
    y_NCP = x_NCP - mean_C[:, None]
    var_C = torch.linalg.vector_norm(y_NCP, dim=2).square().sum(0) / m
    rstd_C = torch.rsqrt(var_C + eps)
    y_NCP.mul_((rstd_C if weight_C is None else rstd_C * weight_C)[:, None])
    if bias_C is not None:
        y_NCP.add_(bias_C[:, None])
    return y_NCP, mean_C, var_C, rstd_C


def _normalize_rows(
    x_MC: Tensor, weight_C: Tensor | None, bias_C: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    m = _values_per_channel(x_MC)
    mean_C = _sum(x_MC) / m
    # The error of the mean as a guess is the squared deviations in one pass.
    squares_C = [
        _sum(mse_loss(part, mean_C.expand_as(part), reduction="none")) for (part,) in _parts(x_MC)
    ]
    var_C = _total(squares_C) / m
    rstd_C = torch.rsqrt(var_C + eps)
    a_C = rstd_C if weight_C is None else rstd_C * weight_C
    c_C = -mean_C * a_C if bias_C is None else torch.addcmul(bias_C, mean_C, a_C, value=-1)
    return torch.addcmul(c_C, x_MC, a_C), mean_C, var_C, rstd_C


_PART = 1 << 17
"""Values that a processor's cache holds between one operation and the next."""


def _parts(first: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield tensors of one shape in parts, so that each is read from memory once in several steps.

    That pays where the channels are last; there are too many small steps to it elsewhere.
    """
    if first.dim() == 3 or first.device.type != "cpu" or first.numel() <= _PART:
        return iter([(first, *others)])
    rows = max(len(first) * _PART // first.numel(), 1)
    return zip(*(torch.split(tensor, rows) for tensor in (first, *others)), strict=True)


def _total(sums_C: Sequence[Tensor]) -> Tensor:
    return sums_C[0] if len(sums_C) == 1 else torch.stack(list(sums_C)).sum(0)


def _sum(x: Tensor) -> Tensor:
    return x.sum(0) if x.dim() == 2 else x.sum(2).sum(0)


def _along(value_C: Tensor, x: Tensor) -> Tensor:
    return value_C if x.dim() == 2 else value_C[:, None]


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
        if x.dim() == 2:
            return torch.addcmul(c_C, x, a_C)
        return (x * _along(a_C, x)).add_(_along(c_C, x))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """Return the gradients of the input, the slope and the offset."""
        (delta,) = grad_outputs
        x, a_C = ctx.saved_tensors
        needs_x, needs_a, needs_c = ctx.needs_input_grad
        return (
            delta * _along(a_C, x) if needs_x else None,
            _sum(delta * x) if needs_a else None,
            _sum(delta) if needs_c else None,
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
    if layer.training or layer.running_mean is None:
        _check_count(x)
    last = _channels_last(x)
    wide = widened(x.movedim(1, -1) if last else x)
    flat = wide.reshape(-1, x.shape[1]) if last else wide.flatten(2)
    y = _normalized(layer, flat).to(x.dtype)
    return y.view(wide.shape).movedim(-1, 1) if last else y.view(x.shape)


def _check_count(x: Tensor) -> None:
    if x.shape[0] * x.shape[2:].numel() == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {tuple(x.shape)}"
        )


def _channels_last(x: Tensor) -> bool:
    """Return whether the channels of one position lie side by side, as units always do."""
    return x.dim() == 2 or (x.stride(1) == 1 and x.movedim(1, -1).is_contiguous())


def _normalized(layer: _BatchNorm, x: Tensor) -> Tensor:
    weight = widened(layer.weight) if layer.affine else None
    bias = widened(layer.bias) if layer.affine else None
    if not layer.training and layer.running_mean is not None and layer.running_var is not None:
        slope, offset = population_affine(layer, layer.running_mean, layer.running_var)
        return apply_channel_affine(x, slope, offset)
    count = _values_per_channel(x)
    y, mean, var = normalize_batch(x, weight, bias, layer.eps)
    if layer.training:
        update_running_statistics(layer, mean, var, count)
    return y


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
