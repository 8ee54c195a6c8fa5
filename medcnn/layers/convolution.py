"""Two-dimensional convolution by unfolding the image into a matrix of patches.

Dimension letters: N examples, C input channels, O filters, H and W rows and columns, G groups,
K entries of one filter within its group (channels × kernel rows × kernel columns), L output
positions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from medcnn.layers.example import Example
from medcnn.layers.precision import as_autocast
from medcnn.layers.windows import Pair, pair, windows

Geometry = tuple[Pair, Pair, Pair, Pair]
"""Kernel size, dilation, padding and stride, in the order of ``torch.nn.functional.unfold``."""


class Conv2dFunction(Function):
    r"""Convolution (cross-correlation) as one matrix product, and its gradient.

    ``unfold`` copies the patch under each output position into a column, which makes
    :math:`X_{kl}` of the padded image, and the convolution of every group becomes

    .. math:: y_{ol} = \sum_k w_{ok} X_{kl} + b_o .

    With :math:`\delta_{ol} = \partial L / \partial y_{ol}`,

    .. math::
        \frac{\partial L}{\partial w_{ok}} = \sum_{n,l} \delta_{ol} X_{kl}, \qquad
        \frac{\partial L}{\partial X_{kl}} = \sum_o w_{ok} \delta_{ol}, \qquad
        \frac{\partial L}{\partial b_o} = \sum_{n,l} \delta_{ol}.

    A pixel was copied into several columns, so its gradient is the sum of theirs: ``fold``, the
    adjoint of ``unfold``. A weight is shared by all positions, so its update is the sum of all
    updates. The columns are made anew in the backward rather than kept: they take K/C times the
    memory of the image. The backward uses only its inputs and may be differentiated again.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x_NCHW: Tensor,
        weight: Tensor,
        bias_O: Tensor | None,
        stride: Pair,
        padding: Pair,
        dilation: Pair,
        groups: int,
    ) -> Tensor:
        """Return the N×O×H'×W' feature maps."""
        ctx.save_for_backward(x_NCHW, weight)
        ctx.geometry = (tuple(weight.shape[2:]), dilation, padding, stride)
        ctx.groups = groups
        columns_NGKL = _columns(x_NCHW, ctx.geometry, groups)
        weight_GOK = weight.reshape(groups, -1, columns_NGKL.shape[2])
        y = (weight_GOK @ columns_NGKL).reshape(
            x_NCHW.shape[0], weight.shape[0], *_output_shape(x_NCHW, ctx.geometry)
        )
        return y if bias_O is None else y.add_(bias_O.view(-1, 1, 1))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        """Return the gradients of the image, the filters and the bias."""
        (delta,) = grad_outputs
        x_NCHW, weight = ctx.saved_tensors
        groups = ctx.groups
        per_group = weight.shape[0] // groups
        positions = delta.shape[2] * delta.shape[3]
        delta_NGOL = delta.reshape(delta.shape[0], groups, per_group, positions)
        dx = dweight = dbias = None
        if ctx.needs_input_grad[0]:
            weight_GKO = weight.reshape(groups, per_group, -1).transpose(1, 2)
            columns = (weight_GKO @ delta_NGOL).flatten(1, 2)
            dx = F.fold(columns, x_NCHW.shape[2:], *ctx.geometry)
        if ctx.needs_input_grad[1]:
            columns_NGKL = _columns(x_NCHW, ctx.geometry, groups)
            dweight = (delta_NGOL @ columns_NGKL.transpose(2, 3)).sum(0).reshape(weight.shape)
        if ctx.needs_input_grad[2]:
            dbias = delta.sum((0, 2, 3))
        return dx, dweight, dbias, None, None, None, None


apply_conv2d: Callable[[Tensor, Tensor, Tensor | None, Pair, Pair, Pair, int], Tensor] = (
    Conv2dFunction.apply
)


def _columns(x_NCHW: Tensor, geometry: Geometry, groups: int) -> Tensor:
    columns = F.unfold(x_NCHW, *geometry)
    per_group = columns.shape[1] // groups
    return columns.reshape(columns.shape[0], groups, per_group, columns.shape[2])


def _output_shape(x_NCHW: Tensor, geometry: Geometry) -> Pair:
    kernel, dilation, padding, stride = geometry
    return windows(kernel, stride, padding, dilation).output(pair(x_NCHW.shape[2:]))


class Conv2d(nn.Conv2d):
    """``torch.nn.Conv2d`` with the written gradient: same options, initialisation and state.

    The output is contiguous whatever the memory format of the input.
    """

    reference = nn.Conv2d
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "padding": 1},
            (2, 2, 6, 5),
            (8, 2, 32, 32),
        ),
        Example(
            {
                "in_channels": 4,
                "out_channels": 6,
                "kernel_size": (3, 2),
                "stride": (2, 1),
                "padding": (1, 2),
                "dilation": (1, 2),
                "groups": 2,
                "bias": False,
            },
            (2, 4, 7, 6),
        ),
    )

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        x, kernel = as_autocast(input), as_autocast(weight)
        offset = None if bias is None else as_autocast(bias)
        padding = self.padding
        if isinstance(padding, str) or self.padding_mode != "zeros":
            mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
            x, padding = F.pad(x, self._reversed_padding_repeated_twice, mode=mode), (0, 0)
        batch = x if x.dim() == 4 else x.unsqueeze(0)
        y = apply_conv2d(
            batch,
            kernel,
            offset,
            pair(self.stride),
            pair(padding),
            pair(self.dilation),
            self.groups,
        )
        return y if x.dim() == 4 else y.squeeze(0)


class SubsampledConv2d(nn.Conv2d):
    """A strided 1×1 convolution: one of stride 1 over every ``stride``-th position, the same sums.

    torch 2.14 writes beyond its memory in the backward pass of a strided 1×1 convolution of 2 to 7
    channels-last inputs on processors without AVX-512, which ends the process.
    """

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """Return the maps at every ``stride``-th position, with new channels."""
        down, across = self.stride
        return F.conv2d(maps_NCHW[..., ::down, ::across], self.weight, self.bias)
