"""One number with its interval and the method that made it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A point estimate, its two-sided interval, and how the interval was made.

    Attributes:
        value: The estimate; None where it is undefined, never NaN.
        ci: ``(low, high)``; None where no interval exists.
        method: The name of the method, a contract of ``results.json``.
        note: What a reader has to know about this number beyond its method.
    """

    value: float | None
    ci: tuple[float, float] | None
    method: str
    note: str = ""

    def __post_init__(self) -> None:
        numbers = [*(() if self.value is None else (self.value,)), *(self.ci or ())]
        if any(math.isnan(number) for number in numbers):
            raise ValueError(f"an estimate holds NaN: {self.value!r} {self.ci!r} ({self.method})")

    @property
    def width(self) -> float | None:
        """The length of the interval."""
        return None if self.ci is None else self.ci[1] - self.ci[0]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for strict JSON.

        >>> Estimate(0.5, (0.25, 0.75), "wilson").to_json()
        {'value': 0.5, 'ci': [0.25, 0.75], 'method': 'wilson'}
        """
        value = None if self.value is None else _plain(self.value)
        ci = None if self.ci is None else [_plain(bound) for bound in self.ci]
        plain = {"value": value, "ci": ci, "method": self.method}
        return plain | ({"note": self.note} if self.note else {})


def undefined(method: str, note: str = "") -> Estimate:
    """Return the estimate of something that these cases cannot tell."""
    return Estimate(None, None, method, note)


def by_cluster(method: str, cluster: object | None) -> str:
    """Return what a method is called where patients rather than cases are counted.

    >>> by_cluster("delong", None), by_cluster("delong", [0, 0, 1])
    ('delong', 'delong-clustered')
    """
    return method if cluster is None else f"{method}-clustered"


def _plain(number: float) -> float | None:
    # JSON has no infinity: an unbounded limit (of an odds ratio, say) is null.
    return float(number) if math.isfinite(number) else None
