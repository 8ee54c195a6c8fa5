"""One conformance case: a file, and what the standard makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from medcnn.io.facts import Image


@dataclass(frozen=True)
class Case:
    """A file that is made on demand and its expected reading.

    Attributes:
        name: What is special about the file.
        section: Where the standard says what has to come out.
        make: Returns the bytes of the file.
        pixels: The expected pixels in row order, or None where an error is expected.
        error: The ``kind`` of the expected ImageError, else empty.
        warning: Words that one of the warnings has to hold; empty where there must be none.
        tolerance: The largest allowed difference; not zero where the codec loses.
    """

    name: str
    section: str
    make: Callable[[], bytes]
    pixels: Sequence[float] | None = None
    error: str = ""
    warning: str = ""
    tolerance: float = 1e-6

    @property
    def expected(self) -> str:
        """What has to come out, in words."""
        if self.pixels is None:
            return f"error {self.error}"
        loose = f" ± {self.tolerance:g}" if self.tolerance > 1e-5 else ""
        return describe(self.pixels) + loose + (f"; warning “{self.warning}”" * bool(self.warning))


class Outcome(NamedTuple):
    """What came out of one case, in words, and whether it is as expected (None: not decidable)."""

    result: str
    passed: bool | None


def judge(case: Case, image: Image) -> Outcome:
    """Return how the pixels and warnings of a reading compare with what is expected."""
    found = image.pixels.ravel()
    warnings = "; ".join(image.facts.warnings)
    noted = case.warning in warnings if case.warning else not warnings
    words = f"; warning “{case.warning if noted else warnings or 'none'}”"
    text = words if case.warning or not noted else ""
    if case.pixels is None:
        return Outcome(f"pixels instead of the error: {describe(found)}", False)
    wanted = np.asarray(case.pixels, np.float64)
    if found.shape != wanted.shape:
        return Outcome(f"{found.size} pixels instead of {wanted.size}", False)
    worst = float(np.abs(found - wanted).max())
    close = worst <= case.tolerance
    if case.tolerance <= 1e-5 and len(wanted) <= _MOST_SHOWN:
        return Outcome(describe(found) + text, close and noted)
    loose = "within the tolerance" if case.tolerance > 1e-5 else "all equal"
    shown = loose if close else f"largest difference {worst:.2g}"
    return Outcome(shown + text, close and noted)


_MOST_SHOWN = 8


def describe(pixels: Sequence[float] | npt.NDArray[Any]) -> str:
    """Return the pixels in words: each where they are few, the range where they are many."""
    if len(pixels) <= _MOST_SHOWN:
        return " ".join(f"{round(float(value), 4):g}" for value in pixels)
    return f"{len(pixels)} pixels from {round(min(pixels), 4):g} to {round(max(pixels), 4):g}"
