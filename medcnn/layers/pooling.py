"""Max and average pooling, window by window offset.

A window of K×K pixels is K² strided copies of the image, one for each offset in the window; pooling
combines them pixel by pixel. Output sizes follow (n + 2P - F)/S + 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from medcnn.layers.example import Example
from medcnn.layers.windows import Pair, Windows, checked_padding, windows


class MaxPoolFunction(Function):
    r"""The greatest value of each window, with the error routed to where it came from.

    .. math:: y_o = \max_{k} x_{o,k}, \qquad
        \frac{\partial L}{\partial x_i} = \sum_{o \,:\, \arg\max_k x_{o,k} = i} \delta_o

    Of equal values the first in row order receives the error; NaN counts as greatest. A pixel that
    is the maximum of several overlapping windows receives the sum of their errors. The backward is
    linear in the error and may be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, windows: Windows) -> Tensor:
        """Return the maxima; the padding counts as -∞."""
        size = (x.shape[-2], x.shape[-1])
        output = windows.output(size)
        padded = F.pad(x, windows.border(size), value=-torch.inf)
        places = list(windows.offsets(output))
        best = padded[places[0]]
        winner = torch.zeros_like(best, dtype=torch.int16)
        for index, place in enumerate(places[1:], start=1):
            candidate = padded[place]
            better = (candidate > best) | candidate.isnan()
            best = torch.where(better, candidate, best)
            winner.masked_fill_(better, index)
        ctx.save_for_backward(winner)
        ctx.windows, ctx.size, ctx.padded_shape = windows, size, padded.shape
        return best.clone() if len(places) == 1 else best

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None]:
        """Return the errors at the pixels that were the maxima."""
        (delta,) = grad_outputs
        (winner,) = ctx.saved_tensors
        padded = delta.new_zeros(ctx.padded_shape)
        output = (delta.shape[-2], delta.shape[-1])
        for index, place in enumerate(ctx.windows.offsets(output)):
            padded[place] += torch.where(winner == index, delta, 0)
        return _cropped(padded, ctx.windows, ctx.size), None


class SumPoolFunction(Function):
    r"""The sum of each window: :math:`y_o = \sum_k x_{o,k}`.

    Every pixel receives the errors of all windows it lies in:
    :math:`\partial L / \partial x_i = \sum_{o \ni i} \delta_o`. The backward is linear in the error
    and may be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, windows: Windows) -> Tensor:
        """Return the sums; the padding counts as 0."""
        size = (x.shape[-2], x.shape[-1])
        output = windows.output(size)
        padded = F.pad(x, windows.border(size))
        ctx.windows, ctx.size, ctx.padded_shape = windows, size, padded.shape
        total = padded.new_zeros(*padded.shape[:-2], *output)
        for place in windows.offsets(output):
            total += padded[place]
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None]:
        """Return, for every pixel, the sum of the errors of its windows."""
        (delta,) = grad_outputs
        padded = delta.new_zeros(ctx.padded_shape)
        for place in ctx.windows.offsets((delta.shape[-2], delta.shape[-1])):
            padded[place] += delta
        return _cropped(padded, ctx.windows, ctx.size), None


def _cropped(padded: Tensor, border: Windows, size: Pair) -> Tensor:
    top, left = border.rows.padding, border.columns.padding
    return padded[..., top : top + size[0], left : left + size[1]]


apply_max_pool: Callable[[Tensor, Windows], Tensor] = MaxPoolFunction.apply
apply_sum_pool: Callable[[Tensor, Windows], Tensor] = SumPoolFunction.apply


class MaxPool2d(nn.MaxPool2d):
    """``torch.nn.MaxPool2d`` with the written gradient, see ``MaxPoolFunction``."""

    reference = nn.MaxPool2d
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel_size": 2}, (2, 3, 6, 5), (16, 8, 32, 32)),
        Example(
            {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True},
            (2, 2, 8, 9),
        ),
    )

    def __init__(
        self,
        kernel_size: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, dilation, ceil_mode=ceil_mode)
        self._windows = checked_padding(
            windows(kernel_size, stride or kernel_size, padding, dilation, ceil=ceil_mode)
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return the maxima of the windows."""
        return apply_max_pool(input, self._windows)


class AvgPool2d(nn.AvgPool2d):
    """``torch.nn.AvgPool2d`` with the written gradient: the window sums over the window size."""

    reference = nn.AvgPool2d
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel_size": 2}, (2, 3, 6, 5), (16, 8, 32, 32)),
        Example(
            {
                "kernel_size": (3, 2),
                "stride": 2,
                "padding": 1,
                "ceil_mode": True,
                "count_include_pad": False,
            },
            (2, 2, 8, 7),
        ),
    )

    def __init__(
        self,
        kernel_size: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self._windows = checked_padding(
            windows(kernel_size, stride or kernel_size, padding, ceil=ceil_mode)
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return the means of the windows."""
        return apply_sum_pool(input, self._windows) / self._counts(input)

    def _counts(self, x: Tensor) -> Tensor:
        """Return how many pixels each window holds; an overhang never counts, padding may."""
        rows, columns = self._windows
        if not self.count_include_pad:
            ones = x.new_ones(x.shape[-2:])
            return apply_sum_pool(ones, self._windows)
        ones = x.new_ones(x.shape[-2] + 2 * rows.padding, x.shape[-1] + 2 * columns.padding)
        border = self._windows.border((x.shape[-2], x.shape[-1]))
        # Below 0 where the last window ends within the padding: nothing hangs over there.
        overhang = (0, max(0, border[1] - columns.padding), 0, max(0, border[3] - rows.padding))
        if max(overhang) == 0:
            return x.new_full((), rows.size * columns.size)
        inside = Windows(*(axis._replace(padding=0, ceil=False) for axis in self._windows))
        return apply_sum_pool(F.pad(ones, overhang), inside)
