"""Batch normalisation over the parts that several processes have of one batch.

On a GPU it is ``torch.nn.SyncBatchNorm``. That has no kernel for CPUs, so there the statistics of
the parts are combined here. Dimension letters as in ``batch_norm``; a part has :math:`m_r` values a
channel.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from medcnn.layers.batch_norm import update_running_statistics
from medcnn.layers.precision import widened


class SharedBatchNormFunction(Function):
    r"""Normalisation by the statistics of the whole batch, of which each process has a part.

    With mean :math:`\mu_r` and variance :math:`\sigma_r^2` of :math:`m_r` values in part r,

    .. math::
        \mu = \sum_r \frac{m_r}{m} \mu_r, \qquad
        \sigma^2 = \sum_r \frac{m_r}{m} \bigl(\sigma_r^2 + (\mu_r - \mu)^2 \bigr)

    (Chan, Golub and LeVeque 1979), in double precision. The gradient is that of
    ``BatchNormFunction`` with its two sums over all parts; gamma and beta receive those of their own
    part, because gradients of parameters are summed over the processes anyway.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight_C: Tensor | None, bias_C: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the output, and mean, biased variance and number of values of the whole batch."""
        var_C, mean_C = torch.var_mean(x, _pooled(x), correction=0)
        mean_C, var_C, m = _combined(mean_C, var_C, x.numel() // x.shape[1])
        rstd_C = torch.rsqrt(var_C + eps)
        mean_C, var_C, rstd_C = (value.to(x.dtype) for value in (mean_C, var_C, rstd_C))
        scale_C = rstd_C if weight_C is None else rstd_C * weight_C
        y = (x - _along(mean_C, x)) * _along(scale_C, x)
        if bias_C is not None:
            y += _along(bias_C, x)
        ctx.save_for_backward(x, weight_C, mean_C, rstd_C, m)
        ctx.has_bias = bias_C is not None
        ctx.mark_non_differentiable(mean_C, var_C, m)
        return y, mean_C, var_C, m

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """Return the gradients of the input, gamma and beta."""
        x, weight_C, mean_C, rstd_C, m = ctx.saved_tensors
        delta = grad_outputs[0]
        hat = (x - _along(mean_C, x)) * _along(rstd_C, x)
        dbias_C, dweight_C = delta.sum(_pooled(x)), (delta * hat).sum(_pooled(x))
        both = torch.stack([dbias_C, dweight_C]).double()
        torch.distributed.all_reduce(both)
        of_bias_C, of_weight_C = (both / m).to(x.dtype)
        scale_C = rstd_C if weight_C is None else rstd_C * weight_C
        dx = (delta - _along(of_bias_C, x) - hat * _along(of_weight_C, x)) * _along(scale_C, x)
        return (
            dx,
            None if weight_C is None else dweight_C,
            dbias_C if ctx.has_bias else None,
            None,
        )


class SharedBatchNorm(_BatchNorm):
    """Normalises by the whole batch while training, by the running statistics otherwise."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised N×C×….

        Raises:
            ValueError: If the whole batch has only one value per channel.
        """
        if not self.training and self.running_mean is not None:
            return F.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        wide = widened(input)
        weight = widened(self.weight) if self.affine else None
        bias = widened(self.bias) if self.affine else None
        normalize: Any = SharedBatchNormFunction.apply
        y, mean, var, m = normalize(wide, weight, bias, self.eps)
        if int(m) == 1:
            raise ValueError("Expected more than 1 value per channel when training")
        if self.training:
            update_running_statistics(self, mean, var, int(m))
        output: Tensor = y.to(input.dtype)
        return output


def share_statistics(network: nn.Module, *, on_gpu: bool) -> None:
    """Let every batch normalisation of a network see the whole batch; parameters stay what they are.

    The layers change their class and stay the same objects: stages, freezing and hooks refer to them.

    Args:
        network: Whose layers they are.
        on_gpu: Whether it trains on GPUs.
    """
    for layer in network.modules():
        if isinstance(layer, _BatchNorm) and on_gpu:
            layer.__class__ = nn.SyncBatchNorm
            setattr(layer, "process_group", None)  # noqa: B010  the group of all, as it is set there
        elif isinstance(layer, _BatchNorm):
            layer.__class__ = SharedBatchNorm


def _pooled(x: Tensor) -> list[int]:
    return [0, *range(2, x.dim())]


def _along(value_C: Tensor, x: Tensor) -> Tensor:
    return value_C.view(1, -1, *[1] * (x.dim() - 2))


def _combined(mean_C: Tensor, var_C: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean, variance and number of values of all parts, the same in every process."""
    own = torch.cat([mean_C, var_C, mean_C.new_full((1,), count)]).double()
    parts = [torch.empty_like(own) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(parts, own)
    found, channels = torch.stack(parts), len(mean_C)
    mean_RC, var_RC, m_R1 = found[:, :channels], found[:, channels:-1], found[:, -1:]
    m = m_R1.sum()
    mean = (m_R1 * mean_RC).sum(0) / m
    var = (m_R1 * (var_RC + (mean_RC - mean).square())).sum(0) / m
    return mean, var, m
