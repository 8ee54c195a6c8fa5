"""Reading estimates out of ``results.json``: a value, its interval and how it was made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HEADLINE = ("sensitivity", "specificity", "auroc")
PROPORTIONS = (
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "accuracy",
    "balanced_accuracy",
    "f1",
    "mcc",
    "auroc",
    "average_precision",
)
_KNOWN_ELSEWHERE = {
    "calibration",
    "threshold",
    "confusion",
    "subgroups",
    "uncertainty",
    "number_needed_to_read",
}


@dataclass(frozen=True)
class Estimate:
    """One number of the report; all of it may be missing.

    Attributes:
        value: The point estimate, or None where it cannot be estimated.
        low: The lower end of the interval, or None.
        high: The upper end of the interval, or None.
        method: How the interval was made, such as ``wilson``.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    method: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether the value and both ends of its interval are known."""
        return None not in (self.value, self.low, self.high)


def read_estimate(raw: Any) -> Estimate:
    """Return the estimate in a value of ``results.json``: an object, a bare number or null."""
    if not isinstance(raw, Mapping):
        return Estimate(_finite(raw))
    interval = raw.get("ci")
    low, high = (
        interval if isinstance(interval, (list, tuple)) and len(interval) == 2 else (None,) * 2
    )
    return Estimate(
        _finite(raw.get("value")), _finite(low), _finite(high), str(raw.get("method") or "")
    )


def named_estimates(results: Mapping[str, Any]) -> dict[str, Estimate]:
    """Return the estimates at the top of ``results``: the known ones first, then any others."""
    others = [
        name
        for name, raw in results.items()
        if name not in PROPORTIONS
        and name not in _KNOWN_ELSEWHERE
        and isinstance(raw, Mapping)
        and "value" in raw
    ]
    return {name: read_estimate(results.get(name)) for name in (*PROPORTIONS, *others)}


def conditional_estimates(results: Mapping[str, Any]) -> list[tuple[str, float, Estimate]]:
    """Return sensitivity at fixed specificities and the reverse, as (key, fixed value, estimate)."""
    found = []
    for key in ("sensitivity_at_specificity", "specificity_at_sensitivity"):
        for fixed, raw in (results.get(key) or {}).items():
            found.append((key, float(fixed), read_estimate(raw)))
    return found


def _finite(raw: Any) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not math.isfinite(raw):
        return None
    return float(raw)
