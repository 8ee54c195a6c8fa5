"""Learning-rate schedules: the factor on the base rate at each optimiser step.

A schedule is a pure function of progress, so a resumed run continues it exactly. The one exception,
``Plateau``, depends on what validation gave, and its state lies in the checkpoint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from medcnn.errors import ConfigError


@dataclass(frozen=True)
class Constant:
    """The base rate throughout."""

    def factor(self, step: int, total: int) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class Step:
    """Drops by ``gamma`` at each milestone.

    Args:
        milestones: Parts of the whole training, each in (0, 1).
        gamma: The factor of one drop, in (0, 1].
    """

    milestones: tuple[float, ...] = (0.5, 0.75)
    gamma: float = 0.1

    def __post_init__(self) -> None:
        _demand(
            "step",
            0 < self.gamma <= 1 and all(0 < part < 1 for part in self.milestones),
            "milestones between 0 and 1, and 0 < gamma <= 1",
            f"milestones={list(self.milestones)}, gamma={self.gamma}",
        )

    def factor(self, step: int, total: int) -> float:
        """Return ``gamma`` to the number of milestones passed."""
        return float(self.gamma ** sum(step >= round(part * total) for part in self.milestones))


@dataclass(frozen=True)
class Exponential:
    """Falls by the same factor at every step.

    Args:
        final: The factor at the end, in (0, 1].
    """

    final: float = 0.01

    def __post_init__(self) -> None:
        _demand("exponential", 0 < self.final <= 1, "0 < final <= 1", f"final={self.final}")

    def factor(self, step: int, total: int) -> float:
        """Return ``final`` to the part of the training that is done."""
        return float(self.final ** min(step / max(total, 1), 1.0))


@dataclass(frozen=True)
class Polynomial:
    """Falls to 0 as a power of what is left.

    Args:
        power: 1 is a straight line.
    """

    power: float = 1.0

    def __post_init__(self) -> None:
        _demand("polynomial", self.power > 0, "power > 0", f"power={self.power}")

    def factor(self, step: int, total: int) -> float:
        """Return ``(1 - progress) ** power``."""
        return float(max(1 - step / max(total, 1), 0.0) ** self.power)


@dataclass(frozen=True)
class Cosine:
    """Linear warm-up over a fraction of the steps, then half cosines (Loshchilov, Hutter 2017).

    Args:
        warmup_fraction: Part of all steps that is warm-up, in [0, 1).
        floor: The factor at the end of each cycle, in [0, 1].
        cycles: How often it falls; more than one is a warm restart.
    """

    warmup_fraction: float = 0.1
    floor: float = 0.01
    cycles: int = 1

    def __post_init__(self) -> None:
        _demand(
            "cosine",
            0 <= self.warmup_fraction < 1 and 0 <= self.floor <= 1 and self.cycles >= 1,
            "0 <= warmup_fraction < 1, 0 <= floor <= 1 and cycles >= 1",
            f"warmup_fraction={self.warmup_fraction}, floor={self.floor}, cycles={self.cycles}",
        )

    def factor(self, step: int, total: int) -> float:
        """Return the factor at ``step`` of ``total``.

        >>> Cosine(warmup_fraction=0.0, floor=0.0).factor(50, 100)
        0.5
        """
        warmup = self.warmup_fraction * total
        if step < warmup:
            return (step + 1) / (warmup + 1)
        progress = min((step - warmup) / max(total - warmup, 1), 1.0) * self.cycles
        within = progress % 1.0 if progress < self.cycles else 1.0
        return self.floor + (1 - self.floor) * round(0.5 * (1 + math.cos(math.pi * within)), 12)

    def cycle_ends(self, total: int) -> list[int]:
        """Return the number of steps after which each cycle has ended.

        >>> Cosine(warmup_fraction=0.1, cycles=3).cycle_ends(100)
        [40, 70, 100]
        """
        warmup = self.warmup_fraction * total
        length = (total - warmup) / self.cycles
        return [round(warmup + length * (cycle + 1)) for cycle in range(self.cycles)]


@dataclass(frozen=True)
class OneCycle:
    """Rises to the base rate and falls far below, both by half cosines (Smith, Topin 2018).

    Args:
        rise: Part of all steps that rises, in (0, 1).
        start: The factor at the first step, in (0, 1].
        end: The factor at the last step, in (0, 1].
    """

    rise: float = 0.3
    start: float = 0.04
    end: float = 4.0e-6

    def __post_init__(self) -> None:
        _demand(
            "one-cycle",
            0 < self.rise < 1 and 0 < self.start <= 1 and 0 < self.end <= 1,
            "rise, start and end between 0 and 1",
            f"rise={self.rise}, start={self.start}, end={self.end}",
        )

    def factor(self, step: int, total: int) -> float:
        """Return the factor at ``step`` of ``total``."""
        top, last = self.rise * total - 1, max(total - 1, 1)
        if step <= top:
            return _between(self.start, 1.0, step / max(top, 1e-9))
        return _between(1.0, self.end, min((step - top) / max(last - top, 1e-9), 1.0))


@dataclass(frozen=True)
class Plateau:
    """Drops when the validation score has not improved for some epochs.

    Args:
        shrink: The factor of one drop, in (0, 1).
        patience: Epochs without improvement that are let pass.
        threshold: What counts as improvement, absolute.
        floor: The lowest rate, as a factor on the base rate.
    """

    shrink: float = 0.1
    patience: int = 2
    threshold: float = 1e-4
    floor: float = 0.0

    def __post_init__(self) -> None:
        _demand(
            "plateau",
            0 < self.shrink < 1 and self.patience >= 0 and self.floor >= 0,
            "0 < shrink < 1, patience >= 0 and floor >= 0",
            f"shrink={self.shrink}, patience={self.patience}, floor={self.floor}",
        )

    def factor(self, step: int, total: int) -> float:
        """Return 1: the rate depends on validation alone."""
        return 1.0

    def follow(self, optimizer: Optimizer, *, mode: str) -> ReduceLROnPlateau:
        """Return torch's scheduler, to be stepped with the score of each epoch."""
        return ReduceLROnPlateau(
            optimizer,
            mode="max" if mode == "max" else "min",
            factor=self.shrink,
            patience=self.patience,
            threshold=self.threshold,
            threshold_mode="abs",
            min_lr=[self.floor * group["lr"] for group in optimizer.param_groups],
        )


def _between(start: float, end: float, part: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * part))


def _demand(name: str, fits: bool, expected: str, found: str) -> None:
    if not fits:
        raise ConfigError(f"The {name} schedule does not fit.", expected=expected, found=found)
