"""One number with its interval and the method that made it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from medcnn.files.plain import as_object
from medcnn.files.records import fields_from_json

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
    def low(self) -> float | None:
        """The lower end of the interval; None where there is none, or no finite one."""
        return None if self.ci is None else _plain(self.ci[0])

    @property
    def high(self) -> float | None:
        """The upper end of the interval; None where there is none, or no finite one."""
        return None if self.ci is None else _plain(self.ci[1])

    @property
    def has_interval(self) -> bool:
        """Whether the value and both ends of its interval are known and finite."""
        return None not in (self.value, self.low, self.high)

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

    @classmethod
    def from_json(cls, recorded: object, place: str = "the recorded estimate") -> Estimate:
        """Return the estimate that ``to_json`` wrote; a bound that JSON cannot hold is infinite.

        >>> Estimate.from_json({"value": 2.0, "ci": [0.5, None], "method": "wald"}).ci
        (0.5, inf)

        Raises:
            DataError: If value or interval are missing or are no numbers.
        """
        facts = as_object(recorded, place)
        if isinstance(facts.get("ci"), list) and len(facts["ci"]) == 2:
            low, high = facts["ci"]
            ends = [-math.inf if low is None else low, math.inf if high is None else high]
            facts = {**facts, "ci": ends}
        return fields_from_json(cls, facts, place)


def undefined(method: str, note: str = "") -> Estimate:
    """Return the estimate of something that these cases cannot tell."""
    return Estimate(None, None, method, note)


NO_INTERVAL = {
    "distance": "noise alone makes it larger than the truth, and no interval holds that often enough",
    "maximum": "chance favours the largest, and no interval holds the truth often enough",
    "few": "too few cases lie beyond this point of the curve for an interval that holds",
}
"""Why a number has none, by what its method is called after ``no-interval-``."""


def without_interval(value: float | None, why: str) -> Estimate:
    """Return a number of which no interval is given, the reason in its method and note.

    >>> without_interval(0.04, "distance").method
    'no-interval-distance'
    """
    return Estimate(value, None, f"no-interval-{why}", NO_INTERVAL[why])


def by_cluster(method: str, cluster: object | None) -> str:
    """Return what a method is called where patients rather than cases are counted.

    >>> by_cluster("delong", None), by_cluster("delong", [0, 0, 1])
    ('delong', 'delong-clustered')
    """
    return method if cluster is None else f"{method}-clustered"


def _plain(number: float) -> float | None:
    # JSON has no infinity: an unbounded limit (of an odds ratio, say) is null.
    return float(number) if math.isfinite(number) else None
