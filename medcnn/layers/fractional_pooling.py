"""Max pooling by a factor between 1 and 2 with randomly placed windows.

Dimension letters: N examples, C channels, H and W rows and columns, P output pixels, K pixels of a
window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from medcnn.errors import ConfigError
from medcnn.layers.example import Example, reference_of
from medcnn.layers.stochastic import StochasticLayer
from medcnn.layers.windows import Pair, pair


def window_starts(samples: Tensor, size: int, count: int, kernel: int) -> Tensor:
    r"""Return where the windows begin: a pseudo-random sequence of small and large steps.

    With :math:`\alpha = (size - kernel) / (count - 1)` and u uniform in [0, 1),
    :math:`s_i = \lfloor \alpha (i + u) \rfloor - \lfloor \alpha u \rfloor`, and the last window
    ends with the image. Graham 2014, arXiv:1412.6071, section 2.

    Args:
        samples: One u for each sequence, of any shape.
        size: Pixels along the axis.
        count: Windows along the axis.
        kernel: Pixels of a window along the axis.
    """
    last = samples.new_full((*samples.shape, 1), size - kernel, dtype=torch.long)
    if count == 1:
        return last
    u = samples.unsqueeze(-1)
    index = torch.arange(count - 1, dtype=samples.dtype, device=samples.device)
    alpha = (size - kernel) / (count - 1)
    starts = ((index + u) * alpha).long() - (u * alpha).long()
    return torch.cat([starts, last], -1)


class GatherMaxFunction(Function):
    r"""The maximum over listed pixels, with the error routed to where it came from.

    .. math:: y_p = \max_k x_{i(p,k)}, \qquad
        \frac{\partial L}{\partial x_i} = \sum_{p \,:\, i(p, k^*) = i} \delta_p

    Of equal values the first of the list receives the error. The backward is linear in the error
    and may be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, x_NCI: Tensor, places_NCPK: Tensor) -> Tensor:
        """Return the N×C×P maxima."""
        values = torch.gather(x_NCI, 2, places_NCPK.flatten(2)).view(places_NCPK.shape)
        best, winner = values.max(-1, keepdim=True)
        ctx.save_for_backward(torch.gather(places_NCPK, -1, winner).squeeze(-1))
        ctx.shape = x_NCI.shape
        return best.squeeze(-1)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None]:
        """Return the errors at the pixels that were the maxima."""
        (delta_NCP,) = grad_outputs
        (source_NCP,) = ctx.saved_tensors
        return torch.scatter_add(delta_NCP.new_zeros(ctx.shape), 2, source_NCP, delta_NCP), None


_gather_max: Callable[[Tensor, Tensor], Tensor] = GatherMaxFunction.apply


class FractionalMaxPool2d(StochasticLayer):
    """Fractional max pooling: random windows while training, the same ones (u = 1/2) otherwise.

    Torch's layer is random in evaluation too; here ``mc`` decides, as for all stochastic layers.

    Args:
        kernel_size: Side of a window in pixels.
        output_size: Rows and columns of the output; or
        output_ratio: output size over input size, in (0, 1).

    Raises:
        ConfigError: If not exactly one of size and ratio is given.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel_size": 2, "output_ratio": 0.7}, (2, 3, 9, 8), (8, 8, 28, 28)),
        Example({"kernel_size": (3, 2), "output_size": (4, 5)}, (2, 2, 7, 9)),
    )

    def __init__(
        self,
        kernel_size: int | Pair,
        output_size: int | Pair | None = None,
        output_ratio: float | None = None,
    ) -> None:
        super().__init__()
        if (output_size is None) == (output_ratio is None):
            raise ConfigError(
                "Fractional pooling needs one size.",
                expected="either output_size or output_ratio",
                found=f"output_size={output_size}, output_ratio={output_ratio}",
                remedy="give one of them",
            )
        if output_ratio is not None and not 0 < output_ratio < 1:
            raise ConfigError(
                "output_ratio of fractional pooling is out of range.",
                expected="a number between 0 and 1",
                found=str(output_ratio),
            )
        self.kernel = pair(kernel_size)
        self.output_size = None if output_size is None else pair(output_size)
        self.output_ratio = output_ratio

    def output(self, x: Tensor) -> Pair:
        """Return rows and columns of the output."""
        if self.output_size is not None:
            return self.output_size
        ratio = self.output_ratio or 0.0
        return int(x.shape[-2] * ratio), int(x.shape[-1] * ratio)

    def samples(self, x: Tensor) -> Tensor:
        """Return u for the columns and the rows of each channel."""
        shape = (x.shape[0], x.shape[1], 2)
        if not self.training:
            return x.new_full(shape, 0.5)
        return torch.rand(shape, dtype=x.dtype, device=x.device, generator=self.generator)

    def forward(self, x: Tensor) -> Tensor:
        """Return the maxima of the windows of N×C×H×W ``x``."""
        rows, columns = self.output(x)
        u = self.samples(x)
        top = window_starts(u[..., 1], x.shape[-2], rows, self.kernel[0])
        left = window_starts(u[..., 0], x.shape[-1], columns, self.kernel[1])
        down = torch.arange(self.kernel[0], device=x.device).view(-1, 1)
        across = torch.arange(self.kernel[1], device=x.device)
        row = top[:, :, :, None, None, None] + down
        column = left[:, :, None, :, None, None] + across
        places = (row * x.shape[-1] + column).flatten(4).flatten(2, 3)
        return _gather_max(x.flatten(2), places).view(*x.shape[:2], rows, columns)

    def extra_repr(self) -> str:
        """Return the options, for ``print(model)``."""
        size = f"ratio={self.output_ratio}" if self.output_size is None else f"{self.output_size}"
        return f"kernel_size={self.kernel}, output {size}"


@reference_of(FractionalMaxPool2d)
class TorchFractionalMaxPool2d(FractionalMaxPool2d):
    """``torch.nn.functional.fractional_max_pool2d`` with the same draws."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the maxima of the windows of N×C×H×W ``x``."""
        pooled: Tensor = F.fractional_max_pool2d(
            x, self.kernel, self.output(x), _random_samples=self.samples(x)
        )
        return pooled
