"""Grey-scale operators: curves on [0, 1], the same code for NumPy arrays and for tensors.

On uint8 images neighbouring curves are composed over the 256 levels and looked up once, so that
there is one rounding however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from medcnn.augment.operator import Operator, Range, Values, drawn


@dataclass(kw_only=True)
class Pointwise(Operator):
    """An operator whose result at a pixel depends on that pixel and on the image's mean alone.

    It has one option, whose value is drawn as the ``amount`` of its curve.

    Attributes:
        uses_mean: Whether it depends on the mean at all.
    """

    uses_mean = False

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw the amounts."""
        (option,) = self.ends
        return {"amount": self.draw_option(option, rng, n)}

    def curve(self, level: Any, mean: Any, amount: Any, /) -> Any:
        """Return the new levels for ``level`` in [0, 1]; arrays and tensors alike."""
        raise NotImplementedError


@dataclass(kw_only=True)
class Brightness(Pointwise):
    """Multiply the grey values.

    Args:
        factor: Half-width around 1, or ``(low, high)``.
    """

    factor: Range = drawn(0.1, 0, 4, neutral=1)

    def curve(self, level: Any, _mean: Any, amount: Any, /) -> Any:
        """Return ``level`` times the factor, clipped."""
        return (level * amount).clip(0, 1)


@dataclass(kw_only=True)
class Contrast(Pointwise):
    """Spread the grey values about the image's mean.

    Args:
        factor: Half-width around 1, or ``(low, high)``.
    """

    uses_mean = True

    factor: Range = drawn(0.1, 0, 4, neutral=1)

    def curve(self, level: Any, mean: Any, amount: Any, /) -> Any:
        """Return the levels spread about the mean, clipped."""
        return (mean + (level - mean) * amount).clip(0, 1)


@dataclass(kw_only=True)
class Gamma(Pointwise):
    """Raise the grey values to a power: tube voltage and film curves differ in this way.

    Args:
        exponent: Half-width around 1, or ``(low, high)``; above 1 mid-greys become darker.
    """

    exponent: Range = drawn((0.8, 1.25), 0.1, 10, neutral=1, log=True)

    def curve(self, level: Any, _mean: Any, amount: Any, /) -> Any:
        """Return the powers."""
        return level**amount
