"""Rectified linear units: plain, leaky, parametric, randomised leaky and noisy.

All are y = x for positive x and y = a·x otherwise (the noisy one adds noise first); they differ in
where the slope a comes from. The derivative at exactly 0 is taken as a, as torch does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from medcnn.errors import ConfigError
from medcnn.layers.activations import Activation, apply_elementwise
from medcnn.layers.example import Example, reference_of
from medcnn.layers.precision import as_autocast
from medcnn.layers.stochastic import StochasticLayer


class LeakyFunction(Function):
    r"""f(x) = x where x > 0 and a x elsewhere, with one slope a, one a channel or one an element.

    .. math::
        \frac{\partial L}{\partial x} = \delta \cdot (1 \text{ or } a), \qquad
        \frac{\partial L}{\partial a} = \sum_{x \le 0} \delta x,

    summed over all elements that share the slope. The slope is a constant (leaky), a parameter
    (He et al. 2015, arXiv:1502.01852) or drawn from an interval (Xu et al. 2015, arXiv:1505.00853).
    The backward uses only its inputs and may be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor) -> Tensor:
        """Return f(x); ``slope`` is broadcast against ``x``."""
        ctx.save_for_backward(x, slope)
        return torch.where(x > 0, x, slope * x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, Tensor | None]:
        """Return the gradients of the input and of the slope."""
        (delta,) = grad_outputs
        x, slope = ctx.saved_tensors
        dx = torch.where(x > 0, delta, slope * delta)
        if not ctx.needs_input_grad[1]:
            return dx, None
        return dx, torch.where(x > 0, 0, delta * x).sum_to_size(slope.shape)


class NoisyReLUFunction(Function):
    r"""The noisy rectifier of Nair and Hinton (ICML 2010), noise variance :math:`s(x)` logistic.

    .. math:: f(x) = \max(0, z), \qquad z = x + \epsilon \sqrt{s(x)}

    The noise grows with the input, so that x acts twice. From :math:`s' = s (1 - s)`,

    .. math:: f'(x) = \mathbb{1}[z > 0]
        \Bigl( 1 + \tfrac12 \epsilon \sqrt{s(x)} \, (1 - s(x)) \Bigr) .

    The backward uses only its inputs and may be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, noise: Tensor) -> Tensor:
        """Return f(x) for one draw of standard normal noise."""
        ctx.save_for_backward(x, noise)
        return (x + noise * (1 + torch.exp(-x)).rsqrt()).clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None]:
        """Return dL/dx."""
        (delta,) = grad_outputs
        x, noise = ctx.saved_tensors
        s = 1 / (1 + torch.exp(-x))
        spread = noise * s.sqrt()
        slope = 1 + 0.5 * spread * (1 - s)
        return torch.where(x + spread > 0, delta * slope, 0), None


_leaky: Callable[[Tensor, Tensor], Tensor] = LeakyFunction.apply
_noisy_relu: Callable[[Tensor, Tensor], Tensor] = NoisyReLUFunction.apply


class ReLU(Activation, nn.ReLU):
    """f(x) = max(0, x), f'(x) = 1 where x > 0 and 0 elsewhere; NaN stays NaN."""

    reference, keeps = nn.ReLU, "y"

    def __init__(self) -> None:
        super().__init__()

    def value(self, x: Tensor) -> Tensor:
        """Return f(x)."""
        return x.clamp(min=0)

    def error(self, delta: Tensor, y: Tensor) -> Tensor:
        """Return dL/dx."""
        return torch.where(y > 0, delta, 0)

    def forward(self, input: Tensor) -> Tensor:
        """Return f of each element: it loses no digits, whatever their number."""
        return apply_elementwise(input, self)


class LeakyReLU(nn.LeakyReLU):
    """The rectifier with a fixed slope for negative inputs."""

    reference = nn.LeakyReLU
    examples: ClassVar[tuple[Example, ...]] = (
        *Activation.examples,
        Example({"negative_slope": 0.3}, (3, 4)),
    )

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__(negative_slope)

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input`` with its negative part scaled."""
        return _leaky(input, input.new_full((), self.negative_slope))


class PReLU(nn.PReLU):
    """The rectifier whose negative slope is learnt, one in all or one a channel (dimension 1)."""

    reference = nn.PReLU
    examples: ClassVar[tuple[Example, ...]] = (
        *Activation.examples,
        Example({"num_parameters": 4, "init": 0.1}, (3, 4, 5, 2)),
    )

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input`` with its negative part scaled."""
        x = as_autocast(input)
        shape = [1] * x.dim()
        if x.dim() > 1:
            shape[1] = self.num_parameters
        return _leaky(x, self.weight.to(x.dtype).reshape(shape))


class RReLU(StochasticLayer):
    """The rectifier with a random negative slope while training and the mean slope afterwards.

    Args:
        lower: Least slope.
        upper: Greatest slope.

    Raises:
        ConfigError: If ``lower`` is above ``upper``.
    """

    examples = Activation.examples

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3) -> None:
        super().__init__()
        if lower > upper:
            raise ConfigError(
                "The slopes of rrelu are in the wrong order.",
                expected="lower <= upper",
                found=f"lower={lower}, upper={upper}",
                remedy="swap them",
            )
        self.lower, self.upper = lower, upper

    def slopes(self, x: Tensor) -> Tensor:
        """Return one slope an element while training, else the mean slope."""
        if not self.training:
            return x.new_full((), (self.lower + self.upper) / 2)
        return self.uniform(x, self.lower, self.upper)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with its negative part scaled."""
        return _leaky(x, self.slopes(x))

    def extra_repr(self) -> str:
        """Return the options, for ``print(model)``."""
        return f"lower={self.lower:.4g}, upper={self.upper:.4g}"


@reference_of(RReLU)
class ComposedRReLU(RReLU):
    """The same draws, differentiated by torch's autograd.

    Torch's own layer draws its slopes one by one, only where x <= 0.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with its negative part scaled."""
        return F.relu(x) - self.slopes(x) * F.relu(-x)


_PLAIN = ReLU()


class NoisyReLU(StochasticLayer):
    """The rectifier of a noisy input while training, see ``NoisyReLUFunction``; then plain."""

    examples = Activation.examples

    def forward(self, x: Tensor) -> Tensor:
        """Return non-negative values."""
        return _noisy_relu(x, self.normal(x)) if self.training else apply_elementwise(x, _PLAIN)


@reference_of(NoisyReLU)
class ComposedNoisyReLU(StochasticLayer):
    """The same draws, differentiated by torch's autograd."""

    def forward(self, x: Tensor) -> Tensor:
        """Return non-negative values."""
        return F.relu(x + self.normal(x) * torch.sigmoid(x).sqrt()) if self.training else F.relu(x)
