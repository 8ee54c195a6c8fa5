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

from medcnn.layers.example import Example
from medcnn.layers.precision import widened

_EXAMPLES = (Example({}, (3, 4, 5), (16, 8, 28, 28)),)


class LogisticFunction(Function):
    """f(x) = 1 / (1 + e⁻ˣ), f'(x) = f(x) (1 - f(x))."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return f(x)."""
        y = 1 / (1 + torch.exp(-x))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        """Return dL/dx."""
        (y,) = ctx.saved_tensors
        dx: Tensor = grad_outputs[0] * y * (1 - y)
        return dx


class TanhFunction(Function):
    """f(x) = 2 / (1 + e⁻²ˣ) - 1 = tanh x, f'(x) = 1 - f(x)²."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return f(x)."""
        y = torch.tanh(x)  # the quotient of exponentials loses all digits near zero
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        """Return dL/dx."""
        (y,) = ctx.saved_tensors
        dx: Tensor = grad_outputs[0] * (1 - y * y)
        return dx


class ArcTanFunction(Function):
    """f(x) = arctan x, f'(x) = 1 / (x² + 1)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return f(x)."""
        ctx.save_for_backward(x)
        return torch.atan(x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        """Return dL/dx."""
        (x,) = ctx.saved_tensors
        dx: Tensor = grad_outputs[0] / (x * x + 1)
        return dx


class BinaryStepFunction(Function):
    """f(x) = 0 for x < 0 and 1 otherwise, with the straight-through gradient dL/dx = dL/dy.

    The true derivative is zero wherever it exists, which would stop all learning below the layer.
    The straight-through estimator (Bengio, Léonard and Courville 2013, arXiv:1308.3432) passes the
    error on as if the step were the identity.
    """

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        """Return f(x)."""
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(_ctx: Any, *grad_outputs: Any) -> Tensor:
        """Return dL/dx of the identity."""
        dx: Tensor = grad_outputs[0]
        return dx


class ELUFunction(Function):
    """f(x) = x for x > 0 and α(eˣ - 1) otherwise; f'(x) = 1 and f(x) + α (Clevert et al. 2016)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, alpha: float) -> Tensor:
        """Return f(x)."""
        ctx.alpha = alpha
        y = torch.where(x > 0, x, alpha * torch.expm1(x))
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None]:
        """Return dL/dx."""
        x, y = ctx.saved_tensors
        return torch.where(x > 0, grad_outputs[0], grad_outputs[0] * (y + ctx.alpha)), None


class SoftPlusFunction(Function):
    """f(x) = ln(1 + e^{βx}) / β, f'(x) = 1 / (1 + e^{-βx}).

    Written as (max(βx, 0) + ln(1 + e^{-|βx|})) / β, which cannot overflow. Above βx = threshold the
    function is taken as x, as torch does.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, beta: float, threshold: float) -> Tensor:
        """Return f(x)."""
        ctx.save_for_backward(x)
        ctx.beta, ctx.threshold = beta, threshold
        scaled = beta * x
        soft = (scaled.clamp(min=0) + torch.log1p(torch.exp(-scaled.abs()))) / beta
        return torch.where(scaled > threshold, x, soft)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None, None]:
        """Return dL/dx."""
        (x,) = ctx.saved_tensors
        (delta,) = grad_outputs
        scaled = ctx.beta * x
        slope = torch.where(scaled > ctx.threshold, 1.0, 1 / (1 + torch.exp(-scaled)))
        return delta * slope, None, None


class GELUFunction(Function):
    """f(x) = x Φ(x), f'(x) = Φ(x) + x φ(x) with the standard normal distribution and density."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return f(x)."""
        ctx.save_for_backward(x)
        return x * _normal_distribution(x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        """Return dL/dx."""
        (x,) = ctx.saved_tensors
        density = torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        dx: Tensor = grad_outputs[0] * (_normal_distribution(x) + x * density)
        return dx


class SiLUFunction(Function):
    """f(x) = x s(x) with the logistic s, f'(x) = s(x) (1 + x (1 - s(x)))."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return f(x)."""
        ctx.save_for_backward(x)
        return x / (1 + torch.exp(-x))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        """Return dL/dx."""
        (x,) = ctx.saved_tensors
        s = 1 / (1 + torch.exp(-x))
        dx: Tensor = grad_outputs[0] * s * (1 + x * (1 - s))
        return dx


def _normal_distribution(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))


_logistic: Callable[[Tensor], Tensor] = LogisticFunction.apply
_tanh: Callable[[Tensor], Tensor] = TanhFunction.apply
_arctan: Callable[[Tensor], Tensor] = ArcTanFunction.apply
_binary_step: Callable[[Tensor], Tensor] = BinaryStepFunction.apply
_elu: Callable[[Tensor, float], Tensor] = ELUFunction.apply
_softplus: Callable[[Tensor, float, float], Tensor] = SoftPlusFunction.apply
_gelu: Callable[[Tensor], Tensor] = GELUFunction.apply
_silu: Callable[[Tensor], Tensor] = SiLUFunction.apply


class Identity(nn.Module):
    """f(x) = x, f'(x) = 1: the error passes unchanged."""

    reference = nn.Identity
    examples: ClassVar[tuple[Example, ...]] = _EXAMPLES

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` itself."""
        return x


class BinaryStep(nn.Module):
    """The Heaviside step with a straight-through gradient, see ``BinaryStepFunction``."""

    examples: ClassVar[tuple[Example, ...]] = _EXAMPLES

    @classmethod
    def reference(cls) -> nn.Module:
        """Return the straight-through estimator composed of torch operations."""
        return StraightThroughStep()

    def surrogate(self, x: Tensor) -> Tensor:
        """Return the function whose derivative the backward gives."""
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Return 0 where ``x`` is negative and 1 elsewhere."""
        return _binary_step(x)


class StraightThroughStep(nn.Module):
    """``x + (step(x) - x)`` with the bracket taken as a constant."""

    def forward(self, x: Tensor) -> Tensor:
        """Return 0 where ``x`` is negative and 1 elsewhere."""
        return x + ((x >= 0).to(x.dtype) - x).detach()


class Logistic(nn.Sigmoid):
    """The logistic function, see ``LogisticFunction``."""

    reference = nn.Sigmoid
    examples: ClassVar[tuple[Example, ...]] = _EXAMPLES

    def forward(self, input: Tensor) -> Tensor:
        """Return values in [0, 1]."""
        return _logistic(widened(input)).to(input.dtype)


class Tanh(nn.Tanh):
    """The hyperbolic tangent, see ``TanhFunction``."""

    reference = nn.Tanh
    examples: ClassVar[tuple[Example, ...]] = _EXAMPLES

    def forward(self, input: Tensor) -> Tensor:
        """Return values in [-1, 1]."""
        return _tanh(widened(input)).to(input.dtype)


class ArcTan(nn.Module):
    """The inverse tangent, see ``ArcTanFunction``."""

    examples: ClassVar[tuple[Example, ...]] = _EXAMPLES

    @classmethod
    def reference(cls) -> nn.Module:
        """Return ``torch.atan`` as a module."""
        return TorchArcTan()

    def forward(self, x: Tensor) -> Tensor:
        """Return angles in radians, between -π/2 and π/2."""
        return _arctan(widened(x)).to(x.dtype)


class TorchArcTan(nn.Module):
    """``torch.atan`` under torch's autograd."""

    def forward(self, x: Tensor) -> Tensor:
        """Return angles in radians, between -π/2 and π/2."""
        return torch.atan(x)


class ELU(nn.ELU):
    """The exponential linear unit, see ``ELUFunction``."""

    reference = nn.ELU
    examples: ClassVar[tuple[Example, ...]] = (*_EXAMPLES, Example({"alpha": 0.5}, (3, 4)))

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(alpha)

    def forward(self, input: Tensor) -> Tensor:
        """Return values above -α."""
        return _elu(widened(input), self.alpha).to(input.dtype)


class SoftPlus(nn.Softplus):
    """The smooth rectifier, see ``SoftPlusFunction``."""

    reference = nn.Softplus
    examples: ClassVar[tuple[Example, ...]] = (
        *_EXAMPLES,
        Example({"beta": 2.0, "threshold": 1.0}, (3, 4)),
    )

    def forward(self, input: Tensor) -> Tensor:
        """Return positive values."""
        return _softplus(widened(input), self.beta, self.threshold).to(input.dtype)


class GELU(nn.GELU):
    """The Gaussian error linear unit (exact form), see ``GELUFunction``."""

    reference = nn.GELU
    examples: ClassVar[tuple[Example, ...]] = _EXAMPLES

    def __init__(self) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """Return x Φ(x)."""
        return _gelu(widened(input)).to(input.dtype)


class SiLU(nn.SiLU):
    """The sigmoid linear unit (swish), see ``SiLUFunction``."""

    reference = nn.SiLU
    examples: ClassVar[tuple[Example, ...]] = _EXAMPLES

    def __init__(self) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """Return x times its logistic function."""
        return _silu(widened(input)).to(input.dtype)
