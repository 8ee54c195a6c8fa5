"""The grey-scale pipeline of DICOM as pure functions (PS3.4 N.2.1).

Stored values -> modality LUT -> VOI LUT or window -> presentation LUT shape or MONOCHROME1
inversion -> [0, 1]. Values are float64 on the way, since slopes and centres are decimal strings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True)
class Lut:
    """One LUT item (PS3.3 C.11.1.1.1).

    Attributes:
        entries: Output values in order.
        first: The input value that maps to the first entry.
        bits: Bits of an entry, so that outputs span [0, 2**bits - 1].
    """

    entries: Values
    first: int
    bits: int

    @property
    def top(self) -> float:
        """The largest output that the LUT can mean."""
        return float(2**self.bits - 1)

    def __call__(self, values: Values) -> Values:
        """Return the entry of each value; inputs outside of the table take its first or last."""
        last = len(self.entries) - 1
        index = np.clip(np.rint(values) - self.first, 0, last).astype(np.intp)
        return np.asarray(self.entries[index])

    def holds(self, values: Values) -> npt.NDArray[np.bool_]:
        """Return which values have an entry of their own."""
        return (values >= self.first) & (values < self.first + len(self.entries))


@dataclass(frozen=True)
class Window:
    """A window of the VOI LUT module (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""

    center: float
    width: float
    function: str = "LINEAR"

    @property
    def is_valid(self) -> bool:
        """Whether the standard defines an output for this centre and width."""
        least = 1.0 if self.function == "LINEAR" else np.finfo(float).tiny
        return bool(np.isfinite(self.center) and np.isfinite(self.width) and self.width >= least)

    @property
    def limits(self) -> tuple[float, float]:
        """The values that map to 0 and 1 (where a sigmoid's tangent does)."""
        linear = self.function == "LINEAR"
        center = self.center - 0.5 if linear else self.center
        half = (self.width - 1 if linear else self.width) / 2
        return center - half, center + half

    def __call__(self, values: Values) -> Values:
        """Return the windowed values in [0, 1]."""
        if self.function == "SIGMOID":
            exponent = np.clip(-4 * (values - self.center) / self.width, -700, 700)
            return np.asarray(1 / (1 + np.exp(exponent)))
        low, high = self.limits
        if high <= low:
            return (values > low).astype(np.float64)
        return np.clip((values - low) / (high - low), 0, 1)


@dataclass(frozen=True)
class Rescale:
    """Rescale slope and intercept (PS3.3 C.11.1.1.2)."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, values: Values) -> Values:
        """Return slope times value plus intercept."""
        return values * self.slope + self.intercept
