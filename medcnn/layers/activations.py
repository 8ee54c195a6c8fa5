"""Smooth and stepwise activation functions with their derivatives.

Every function f is applied to each element, so the gradient is dL/dx = dL/dy · f'(x). Where f' has
a short form in y = f(x), the output is kept instead of the input. All backwards use only inputs or
outputs and may be differentiated again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd import Function

from medcnn.layers.example import Example, reference_of
from medcnn.layers.precision import widened


class ElementwiseFunction(Function):
    """y = f(x) for each element, and dL/dx = dL/dy · f'(x), both as the layer writes them out."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: Activation) -> Tensor:
        """Return f(x)."""
        y = layer.value(x)
        ctx.layer = layer
        ctx.save_for_backward(*({"x": x, "y": y}[name] for name in layer.keeps))
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None]:
        """Return dL/dx."""
        return ctx.layer.error(*grad_outputs, *ctx.saved_tensors), None


apply_elementwise: Callable[[Tensor, Activation], Tensor] = ElementwiseFunction.apply


class Activation(nn.Module):
    """A function of each element, computed in float32 where its input has fewer bits.

    Attributes:
        keeps: What the backward needs, ``x``, ``y`` or both: what ``error`` takes after dL/dy.
        value: f(x).
        error: dL/dx, given dL/dy and what is kept.
    """

    keeps: ClassVar[str] = "x"
    reference: ClassVar[Callable[..., nn.Module]]
    examples: ClassVar[tuple[Example, ...]] = (Example({}, (3, 4, 5), (16, 8, 28, 28)),)
    value: Callable[[Tensor], Tensor]
    error: Callable[..., Tensor]

    def forward(self, input: Tensor) -> Tensor:
        """Return f of each element."""
        return apply_elementwise(widened(input), self).to(input.dtype)


class Identity(nn.Module):
    """f(x) = x, f'(x) = 1: the error passes unchanged."""

    reference = nn.Identity
    examples = Activation.examples

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` itself."""
        return x


class BinaryStep(Activation):
    """f(x) = 0 for x < 0 and 1 otherwise, with the straight-through gradient dL/dx = dL/dy.

    The true derivative is zero wherever it exists, which would stop all learning below the layer.
    The straight-through estimator (Bengio, Léonard and Courville 2013, arXiv:1308.3432) passes the
    error on as if the step were the identity.
    """

    keeps = ""

    def value(self, x: Tensor) -> Tensor:
        """Return f(x)."""
        return (x >= 0).to(x.dtype)

    def error(self, delta: Tensor) -> Tensor:
        """Return dL/dx of the identity."""
        return delta

    def surrogate(self, x: Tensor) -> Tensor:
        """Return the function whose derivative the backward gives."""
        return x


@reference_of(BinaryStep)
class StraightThroughStep(nn.Module):
    """``x + (step(x) - x)`` with the bracket taken as a constant."""

    def forward(self, x: Tensor) -> Tensor:
        """Return 0 where ``x`` is negative and 1 elsewhere."""
        return x + ((x >= 0).to(x.dtype) - x).detach()


class Logistic(Activation, nn.Sigmoid):
    """f(x) = 1 / (1 + e⁻ˣ), f'(x) = f(x) (1 - f(x))."""

    reference, keeps = nn.Sigmoid, "y"

    def value(self, x: Tensor) -> Tensor:
        """Return f(x)."""
        return 1 / (1 + torch.exp(-x))

    def error(self, delta: Tensor, y: Tensor) -> Tensor:
        """Return dL/dx."""
        return delta * y * (1 - y)


class Tanh(Activation, nn.Tanh):
    """f(x) = 2 / (1 + e⁻²ˣ) - 1 = tanh x, f'(x) = 1 - f(x)²."""

    reference, keeps = nn.Tanh, "y"

    def value(self, x: Tensor) -> Tensor:
        """Return f(x)."""
        return torch.tanh(x)  # the quotient of exponentials loses all digits near zero

    def error(self, delta: Tensor, y: Tensor) -> Tensor:
        """Return dL/dx."""
        return delta * (1 - y * y)


class ArcTan(Activation):
    """f(x) = arctan x in radians, f'(x) = 1 / (x² + 1)."""

    def value(self, x: Tensor) -> Tensor:
        """Return f(x)."""
        return torch.atan(x)

    def error(self, delta: Tensor, x: Tensor) -> Tensor:
        """Return dL/dx."""
        return delta / (x * x + 1)


@reference_of(ArcTan)
class TorchArcTan(nn.Module):
    """``torch.atan`` under torch's autograd."""

    def forward(self, x: Tensor) -> Tensor:
        """Return angles in radians, between -π/2 and π/2."""
        return torch.atan(x)


class ELU(Activation, nn.ELU):
    """f(x) = x for x > 0 and α(eˣ - 1) otherwise; f'(x) = 1 and f(x) + α (Clevert et al. 2016)."""

    reference, keeps = nn.ELU, "xy"
    examples = (*Activation.examples, Example({"alpha": 0.5}, (3, 4)))

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(alpha)

    def value(self, x: Tensor) -> Tensor:
        """Return f(x)."""
        return torch.where(x > 0, x, self.alpha * torch.expm1(x))

    def error(self, delta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Return dL/dx."""
        return torch.where(x > 0, delta, delta * (y + self.alpha))


class SoftPlus(Activation, nn.Softplus):
    """f(x) = ln(1 + e^{βx}) / β, f'(x) = 1 / (1 + e^{-βx}).

    Written as (max(βx, 0) + ln(1 + e^{-|βx|})) / β, which cannot overflow. Above βx = threshold the
    function is taken as x, as torch does.
    """

    reference = nn.Softplus
    examples = (*Activation.examples, Example({"beta": 2.0, "threshold": 1.0}, (3, 4)))

    def value(self, x: Tensor) -> Tensor:
        """Return f(x)."""
        scaled = self.beta * x
        soft = (scaled.clamp(min=0) + torch.log1p(torch.exp(-scaled.abs()))) / self.beta
        return torch.where(scaled > self.threshold, x, soft)

    def error(self, delta: Tensor, x: Tensor) -> Tensor:
        """Return dL/dx."""
        scaled = self.beta * x
        return delta * torch.where(scaled > self.threshold, 1.0, 1 / (1 + torch.exp(-scaled)))


class GELU(Activation, nn.GELU):
    """f(x) = x Φ(x), f'(x) = Φ(x) + x φ(x) with the standard normal distribution and density."""

    reference = nn.GELU

    def __init__(self) -> None:
        super().__init__()

    def value(self, x: Tensor) -> Tensor:
        """Return f(x)."""
        return x * _normal_distribution(x)

    def error(self, delta: Tensor, x: Tensor) -> Tensor:
        """Return dL/dx."""
        density = torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        return delta * (_normal_distribution(x) + x * density)


class SiLU(Activation, nn.SiLU):
    """f(x) = x s(x) with the logistic s, f'(x) = s(x) (1 + x (1 - s(x)))."""

    reference = nn.SiLU

    def __init__(self) -> None:
        super().__init__()

    def value(self, x: Tensor) -> Tensor:
        """Return f(x)."""
        return x / (1 + torch.exp(-x))

    def error(self, delta: Tensor, x: Tensor) -> Tensor:
        """Return dL/dx."""
        s = 1 / (1 + torch.exp(-x))
        return delta * s * (1 + x * (1 - s))


def _normal_distribution(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))
