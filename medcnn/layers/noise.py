"""Noise as a layer: corrupts its input while training and passes it unchanged otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor
from torch.autograd import Function

from medcnn.errors import ConfigError
from medcnn.layers.dropout import UnitDropout
from medcnn.layers.example import Example, reference_of
from medcnn.layers.stochastic import StochasticLayer


class AddNoiseFunction(Function):
    """y = x + ε with ε independent of x, so that the error passes unchanged: dL/dx = dL/dy."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor, noise: Tensor) -> Tensor:
        """Return the noisy input."""
        return x + noise

    @staticmethod
    def backward(_ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None]:
        """Return the error as it came."""
        return grad_outputs[0], None


_add_noise: Callable[[Tensor, Tensor], Tensor] = AddNoiseFunction.apply


class GaussianNoise(StochasticLayer):
    """Adds independent normal noise to every value.

    Small noise on the input acts like a penalty on the gradient (Bishop 1995).

    Args:
        std: Standard deviation, in the units of the input.

    Raises:
        ConfigError: If ``std`` is negative.
    """

    examples: ClassVar[tuple[Example, ...]] = (Example({"std": 0.2}, (3, 4, 5), (16, 8, 28, 28)),)

    def __init__(self, std: float = 0.1) -> None:
        super().__init__()
        if std < 0:
            raise ConfigError(
                "A standard deviation cannot be negative.",
                expected="std >= 0",
                found=str(std),
                remedy="give the spread in the units of the input",
            )
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        """Return noisy ``x`` while training, else ``x``."""
        return _add_noise(x, self.normal(x).mul_(self.std)) if self.training else x

    def extra_repr(self) -> str:
        """Return the options, for ``print(model)``."""
        return f"std={self.std}"


@reference_of(GaussianNoise)
class ComposedGaussianNoise(GaussianNoise):
    """The same draws, differentiated by torch's autograd."""

    def forward(self, x: Tensor) -> Tensor:
        """Return noisy ``x`` while training, else ``x``."""
        return x + self.std * self.normal(x) if self.training else x


class MaskingNoise(UnitDropout):
    """Sets a random share of the values to zero and leaves the others as they are.

    It is the corruption of the denoising autoencoder (Vincent et al. 2010), not a dropout: there is
    no rescaling, and evaluation does nothing.
    """

    examples: ClassVar[tuple[Example, ...]] = (Example({"p": 0.3}, (3, 4, 5), (16, 8, 28, 28)),)

    def mask(self, x: Tensor) -> Tensor:
        """Draw 0 or 1 for each value."""
        return self.bernoulli(x, tuple(x.shape), 1 - self.p)


@reference_of(MaskingNoise)
class ComposedMaskingNoise(MaskingNoise):
    """The same draws, differentiated by torch's autograd."""

    def forward(self, x: Tensor) -> Tensor:
        """Return masked ``x`` while training, else ``x``."""
        return x * self.bernoulli(x, tuple(x.shape), 1 - self.p) if self.training else x
