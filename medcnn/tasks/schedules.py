"""Learning-rate schedules: the factor on the base rate at each optimiser step.

A schedule is a pure function of progress, so a resumed run continues it exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from medcnn.errors import ConfigError


@dataclass(frozen=True)
class Constant:
    """The base rate throughout."""

    def factor(self, step: int, total: int) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class Cosine:
    """Linear warm-up over a fraction of the steps, then half a cosine (Loshchilov, Hutter 2017).

    Args:
        warmup_fraction: Part of all steps that is warm-up, in [0, 1).
        floor: The factor at the last step.
    """

    warmup_fraction: float = 0.1
    floor: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.warmup_fraction < 1 or not 0 <= self.floor <= 1:
            raise ConfigError(
                "The cosine schedule does not fit.",
                expected="0 <= warmup_fraction < 1 and 0 <= floor <= 1",
                found=f"warmup_fraction={self.warmup_fraction}, floor={self.floor}",
            )

    def factor(self, step: int, total: int) -> float:
        """Return the factor at ``step`` of ``total``.

        >>> Cosine(warmup_fraction=0.0, floor=0.0).factor(50, 100)
        0.5
        """
        warmup = self.warmup_fraction * total
        if step < warmup:
            return (step + 1) / (warmup + 1)
        progress = min((step - warmup) / max(total - warmup, 1), 1.0)
        return self.floor + (1 - self.floor) * round(0.5 * (1 + math.cos(math.pi * progress)), 12)
