r"""Dropout of single units: inverted, by weight scaling, and Gaussian.

A unit h is replaced by :math:`h' = \xi h` with random :math:`\xi`, drawn anew in every pass:

=================  =============================================  ==========  =================
variant            training (and Monte Carlo mode)                E[h']       evaluation
=================  =============================================  ==========  =================
inverted           0 with probability p, else 1/(1-p)             h           h
weight scaling     0 with probability p, else 1                   (1-p) h     (1-p) h
Gaussian           1 + ε √(p/(1-p)), ε standard normal            h           h
=================  =============================================  ==========  =================

The evaluation is the expectation in each. Srivastava et al., JMLR 15 (2014) 1929.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.autograd import Function

from medcnn.errors import ConfigError
from medcnn.layers.example import Example, reference_of
from medcnn.layers.stochastic import StochasticLayer

_SHAPES: tuple[tuple[int, ...], tuple[int, ...]] = ((3, 4, 5), (16, 8, 28, 28))


class MaskFunction(Function):
    r"""Multiplication by a random mask: :math:`y = \xi x`, :math:`\delta_x = \xi \delta_y`.

    The mask does not depend on x, so only the units that were present receive an error. A smaller
    mask is broadcast. The backward is linear in the error and may be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor) -> Tensor:
        """Return the masked units."""
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None]:
        """Return the masked errors."""
        (mask,) = ctx.saved_tensors
        return grad_outputs[0] * mask, None


apply_mask: Callable[[Tensor, Tensor], Tensor] = MaskFunction.apply


def checked_probability(p: float, *, below_one: bool = False) -> float:
    """Return ``p`` if it is a probability.

    Raises:
        ConfigError: If it is not in [0, 1], or not below one where ``below_one`` is asked for.
    """
    if not 0 <= p <= 1 or (below_one and p == 1):
        raise ConfigError(
            "A dropout probability is out of range.",
            expected=f"a number from 0 to {'below 1' if below_one else '1'}",
            found=str(p),
            remedy="p is the share of units that is dropped, often 0.1 to 0.5",
        )
    return p


class UnitDropout(StochasticLayer):
    """A layer that drops a share ``p`` of something while training, and else does nothing.

    Args:
        p: Probability of dropping, in [0, 1].

    Attributes:
        mask: Draws what an input is multiplied by.
    """

    mask: Callable[[Tensor], Tensor]

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = checked_probability(p)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` times a mask while training, else ``x``."""
        return x if not self.training or self.p == 0 else apply_mask(x, self.mask(x))

    def extra_repr(self) -> str:
        """Return the options, for ``print(model)``."""
        return f"p={self.p}"


class Dropout(UnitDropout):
    """Inverted dropout: what is kept is divided by 1 - p, and evaluation does nothing."""

    reference: Callable[..., nn.Module] = nn.Dropout
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"p": 0.5}, *_SHAPES),
        Example({"p": 0.2}, (4, 6)),
    )

    def mask(self, x: Tensor) -> Tensor:
        """Draw a factor for each unit."""
        return inverted_mask(self, x, tuple(x.shape), self.p)


class WeightScalingDropout(UnitDropout):
    """Dropout without rescaling while training; evaluation multiplies by 1 - p.

    Multiplying the units is multiplying the outgoing weights: the weight scaling inference rule.
    """

    examples: ClassVar[tuple[Example, ...]] = (Example({"p": 0.3}, *_SHAPES),)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with units dropped while training, else (1 - p) ``x``."""
        if not self.training:
            return apply_mask(x, x.new_full((), 1 - self.p))
        return apply_mask(x, self.bernoulli(x, tuple(x.shape), 1 - self.p))


@reference_of(WeightScalingDropout)
class ComposedWeightScaling(WeightScalingDropout):
    """The same draws, differentiated by torch's autograd."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the masked or the expected units."""
        kept = 1 - self.p
        return x * (self.bernoulli(x, tuple(x.shape), kept) if self.training else kept)


class GaussianDropout(UnitDropout):
    """Multiplication by normal noise of mean 1 and the variance p/(1-p) of inverted dropout."""

    examples: ClassVar[tuple[Example, ...]] = (Example({"p": 0.3}, *_SHAPES),)

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(checked_probability(p, below_one=True))

    def mask(self, x: Tensor) -> Tensor:
        """Draw a factor for each unit."""
        return self.normal(x).mul_(math.sqrt(self.p / (1 - self.p))).add_(1)


@reference_of(GaussianDropout)
class ComposedGaussianDropout(GaussianDropout):
    """The same draws, differentiated by torch's autograd."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the noisy or the expected units."""
        return x + x * self.normal(x) * math.sqrt(self.p / (1 - self.p)) if self.training else x


def inverted_mask(layer: StochasticLayer, like: Tensor, shape: tuple[int, ...], p: float) -> Tensor:
    """Draw a mask of 0 (with probability ``p``) and 1/(1-p): E = 1. All zero for p = 1."""
    mask = layer.bernoulli(like, shape, 1 - p)
    return mask if p == 1 else mask.div_(1 - p)
