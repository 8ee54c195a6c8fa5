"""Dropout of larger parts: channels, connections, whole branches and blocks of pixels.

All are inverted: what is kept is scaled so that the expectation is the input, and evaluation does
nothing. The masks are applied by ``MaskFunction``, whose backward they share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from medcnn.errors import ConfigError
from medcnn.layers.dropout import UnitDropout, apply_mask, checked_probability, inverted_mask
from medcnn.layers.example import Example, reference_of
from medcnn.layers.linear import apply_linear
from medcnn.layers.precision import as_autocast
from medcnn.layers.stochastic import StochasticLayer


class Dropout2d(UnitDropout):
    """Spatial dropout: whole channels of an image are dropped (Tompson et al. 2015).

    Neighbouring pixels of a feature map say nearly the same, so dropping single ones drops little.
    """

    reference: Callable[..., nn.Module] = nn.Dropout2d
    examples: ClassVar[tuple[Example, ...]] = (Example({"p": 0.5}, (3, 4, 5, 2), (16, 8, 28, 28)),)

    def mask(self, x: Tensor) -> Tensor:
        """Draw a factor for each channel of N×C×H×W ``x``."""
        shape = (x.shape[0], x.shape[1], *[1] * (x.dim() - 2))
        return inverted_mask(self, x, shape, self.p)


class StochasticDepth(UnitDropout):
    """Drops a whole residual branch, of one example each or of the batch (Huang et al. 2016).

    Args:
        p: Probability of dropping.
        mode: ``row`` draws once an example, ``batch`` once for all.

    Raises:
        ConfigError: If ``p`` is not in [0, 1] or the mode is unknown.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"p": 0.4}, (6, 4, 3, 2), (16, 8, 28, 28)),
        Example({"p": 0.4, "mode": "batch"}, (6, 4)),
    )

    def __init__(self, p: float = 0.5, mode: str = "row") -> None:
        super().__init__(p)
        if mode not in ("row", "batch"):
            raise ConfigError(
                "Unknown mode of stochastic depth.",
                expected="row or batch",
                found=repr(mode),
                remedy="row draws once an example, batch once for all",
            )
        self.mode = mode

    @classmethod
    def reference(cls, p: float = 0.5, mode: str = "row") -> nn.Module:
        """Return torchvision's twin."""
        from torchvision.ops import StochasticDepth as Twin

        twin: nn.Module = Twin(p, mode)
        return twin

    def mask(self, x: Tensor) -> Tensor:
        """Draw a factor for each example's branch ``x``, or for all of them."""
        shape = (x.shape[0] if self.mode == "row" else 1, *[1] * (x.dim() - 1))
        return inverted_mask(self, x, shape, self.p)


class DropBlock2d(UnitDropout):
    r"""Drops square blocks of pixels, channel by channel (Ghiasi et al. 2018, arXiv:1810.12890).

    The centres are drawn with :math:`\gamma = p H W / (B^2 (H - B + 1)(W - B + 1))` from where a
    block of B×B pixels lies inside the image, so that about a share p of the pixels is lost. What
    is kept is multiplied by (all pixels) / (pixels kept).

    Args:
        p: Share of pixels to drop.
        block_size: Side of a block in pixels, odd; a smaller image bounds it.
        eps: Guards the division where everything was dropped.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"p": 0.3, "block_size": 3}, (3, 4, 8, 7), (16, 8, 28, 28)),
    )

    def __init__(self, p: float = 0.1, block_size: int = 7, eps: float = 1e-6) -> None:
        super().__init__(p)
        if block_size % 2 == 0:
            raise ConfigError(
                "A block of DropBlock has no centre pixel.",
                expected="an odd block_size",
                found=str(block_size),
                remedy=f"take {block_size + 1}",
            )
        self.block_size, self.eps = block_size, eps

    @classmethod
    def reference(cls, p: float = 0.1, block_size: int = 7, eps: float = 1e-6) -> nn.Module:
        """Return torchvision's twin."""
        from torchvision.ops import DropBlock2d as Twin

        twin: nn.Module = Twin(p, block_size, eps=eps)
        return twin

    def mask(self, x: Tensor) -> Tensor:
        """Draw zeros in the blocks and one positive constant elsewhere."""
        rows, columns = x.shape[-2:]
        side = min(self.block_size, rows, columns)
        inner = (rows - side + 1, columns - side + 1)
        gamma = self.p * rows * columns / (side**2 * inner[0] * inner[1])
        centres = self.bernoulli(x, (x.shape[0], x.shape[1], *inner), min(gamma, 1.0))
        half = side // 2
        padded = F.pad(centres, [half] * 4)
        kept = 1 - F.max_pool2d(padded, side, stride=1, padding=half)[..., :rows, :columns]
        return kept * (kept.numel() / (self.eps + kept.sum()))


class DropConnect(StochasticLayer):
    r"""A fully connected layer that drops connections rather than units (Wan et al., ICML 2013).

    .. math:: y_o = \sum_i \xi_{oi} w_{oi} x_i + b_o

    with :math:`\xi` zero for a dropped connection and 1/(1-p) for another: a mask on the weights, then
    the affine map. A dropped weight neither passes an error down nor receives one:

    .. math::
        \frac{\partial L}{\partial x_i} = \sum_o \delta_o \xi_{oi} w_{oi}, \qquad
        \frac{\partial L}{\partial w_{oi}} = \xi_{oi} \sum_n \delta_{no} x_{ni} .

    One set of connections is drawn for each forward pass and serves the whole batch.

    Args:
        in_features: Inputs.
        out_features: Outputs.
        bias: Whether to learn an offset; it is never dropped.
        p: Probability of dropping a connection, below 1.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"in_features": 5, "out_features": 3, "p": 0.4}, (4, 5), (64, 5)),
        Example({"in_features": 5, "out_features": 3, "bias": False, "p": 0.2}, (2, 3, 5)),
    )

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, p: float = 0.5
    ) -> None:
        super().__init__()
        self.p = checked_probability(p, below_one=True)
        initial = nn.Linear(in_features, out_features, bias)
        self.weight, self.bias = initial.weight, initial.bias

    def mask(self) -> Tensor:
        """Draw the connections, or all of them when not training."""
        if not self.training:
            return self.weight.new_ones(())
        return inverted_mask(self, self.weight, tuple(self.weight.shape), self.p)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for any leading shape; the last dimension holds the inputs."""
        x, weight = as_autocast(x), as_autocast(self.weight)
        bias = None if self.bias is None else as_autocast(self.bias)
        weight = apply_mask(weight, self.mask().to(weight.dtype))
        flat = apply_linear(x.reshape(-1, x.shape[-1]), weight, bias)
        return flat.reshape(*x.shape[:-1], weight.shape[0])

    def extra_repr(self) -> str:
        """Return the options, for ``print(model)``."""
        outputs, inputs = self.weight.shape
        return f"in_features={inputs}, out_features={outputs}, p={self.p}"


@reference_of(DropConnect)
class ComposedDropConnect(DropConnect):
    """The same draws, differentiated by torch's autograd."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for any leading shape; the last dimension holds the inputs."""
        return F.linear(x, self.weight * self.mask(), self.bias)
