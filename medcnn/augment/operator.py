"""What all augmentation operators share: a probability, ranges, and how their values are drawn.

An operator turns random numbers into plain arrays, one entry an image, and knows how to apply them.
It holds no random state, so that the same generator gives the same values in any process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from medcnn.errors import ConfigError

Floats = npt.NDArray[np.float64]
Values = dict[str, npt.NDArray[Any]]
"""Drawn values by name, each with N entries along its first axis; ``active`` is bool."""
Range = float | Sequence[float]
"""A half-width around the neutral value, or ``(low, high)``."""


def number(default: float, low: float, high: float) -> Any:
    """Return an option that is one number within [low, high]."""

    def read(value: Any, name: str) -> float:
        return checked(value, name, low, high)

    return field(default=default, metadata={"read": read})


def whole(default: int, low: int, high: int) -> Any:
    """Return an option that is a whole number from ``low`` to ``high``."""

    def read(value: Any, name: str) -> Any:
        if type(value) is int and low <= value <= high:
            return value
        raise ConfigError(
            f"augment: {name} cannot be {value!r}.",
            expected=f"a whole number from {low} to {high}",
            found=repr(value),
            remedy=f"set augment.operators.{name}={default}",
        )

    return field(default=default, metadata={"read": read})


def drawn(
    default: Range, low: float, high: float, *, neutral: float | None = 0.0, log: bool = False
) -> Any:
    """Return an option that is a range, in which a number is drawn for each image.

    Args:
        default: The range unless told otherwise.
        low: The least number.
        high: The greatest one.
        neutral: What a half-width lies around; None: only a pair is taken.
        log: Whether the logarithm is drawn evenly.
    """

    def read(value: Range, name: str) -> tuple[float, float]:
        return checked_range(value, name, low, high, neutral=neutral)

    draw = log_uniform if log else uniform
    return field(default=default, metadata={"ends": read, "draw": draw})


@dataclass(kw_only=True)
class Operator:
    """One augmentation, whose options say what they may be by ``number``, ``whole`` or ``drawn``.

    Args:
        p: Probability that an image is changed at all, in [0, 1].

    Attributes:
        ends: The two ends of each option that is ``drawn``.
    """

    p: float = 1.0

    def __post_init__(self) -> None:
        self.p = checked(self.p, f"{self.name}.p", 0.0, 1.0)
        self.ends: dict[str, tuple[float, float]] = {}
        for option in fields(self):
            name, value = f"{self.name}.{option.name}", getattr(self, option.name)
            if "ends" in option.metadata:
                self.ends[option.name] = option.metadata["ends"](value, name)
            elif "read" in option.metadata:
                setattr(self, option.name, option.metadata["read"](value, name))

    @property
    def name(self) -> str:
        """The operator's name for messages and figures, such as ``rotation``."""
        return type(self).__name__.lower()

    def draw(self, rng: np.random.Generator, n: int) -> Values:
        """Draw the values of ``n`` images.

        The same count of random numbers is taken whatever the options are: to change one operator's
        options changes nothing of the other operators' draws.
        """
        active = rng.random(n) < self.p
        return {"active": active, **self.draw_values(rng, n)}

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw the operator's own values as if every image were changed: those that are ``drawn``."""
        return {name: self.draw_option(name, rng, n) for name in self.ends}

    def draw_option(self, name: str, rng: np.random.Generator, n: int) -> Floats:
        """Draw ``n`` numbers between the ends of an option."""
        draw = self.__dataclass_fields__[name].metadata["draw"]
        numbers: Floats = draw(rng, n, self.ends[name])
        return numbers


def checked(value: Any, name: str, low: float, high: float) -> float:
    """Return ``value`` as a float.

    Raises:
        ConfigError: If it is not a number within [low, high].
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not low <= number <= high:
        raise ConfigError(
            f"augment: {name} cannot be {value!r}.",
            expected=f"a number from {low:g} to {high:g}",
            found=repr(value),
            remedy=f"set augment.operators.{name} within that range",
        )
    return number


def checked_range(
    value: Range, name: str, low: float, high: float, *, neutral: float | None = 0.0
) -> tuple[float, float]:
    """Return ``(low, high)`` of a half-width around ``neutral`` or of a pair.

    Raises:
        ConfigError: If it is neither, or reaches beyond [low, high], or is upside down.
    """
    if isinstance(value, (int, float)) and neutral is not None:
        half = checked(value, name, 0.0, max(high - neutral, neutral - low))
        pair: list[Any] = [max(neutral - half, low), min(neutral + half, high)]
    else:
        pair = list(value) if isinstance(value, Iterable) else [value]
    if len(pair) == 2:
        first, second = (checked(end, name, low, high) for end in pair)
        if first <= second:
            return first, second
    raise ConfigError(
        f"augment: {name} cannot be {value!r}.",
        expected="a pair [low, high] with low <= high"
        + (" or one half-width" if neutral is not None else ""),
        found=repr(value),
        remedy=f"set for example augment.operators.{name}=[{low:g},{high:g}]",
    )


def uniform(rng: np.random.Generator, n: int, ends: tuple[float, float]) -> Floats:
    """Return ``n`` numbers, uniform between the two ends."""
    return ends[0] + (ends[1] - ends[0]) * rng.random(n)


def log_uniform(rng: np.random.Generator, n: int, ends: tuple[float, float]) -> Floats:
    """Return ``n`` positive numbers whose logarithm is uniform between the ends' logarithms."""
    low, high = np.log(ends[0]), np.log(ends[1])
    drawn: Floats = np.exp(low + (high - low) * rng.random(n))
    return drawn


def box_sides(
    rng: np.random.Generator, n: int, area: tuple[float, float], ratio: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Return two sides of ``n`` rectangles as fractions of the image's, none above 1.

    Args:
        rng: What draws.
        n: Number of rectangles.
        area: Ends of their share of the image's area.
        ratio: Ends of the first side over the second.
    """
    areas, ratios = uniform(rng, n, area), log_uniform(rng, n, ratio)
    return np.minimum(np.sqrt(areas * ratios), 1), np.minimum(np.sqrt(areas / ratios), 1)
