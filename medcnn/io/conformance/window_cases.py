"""Windows: the three functions, several windows, and those that cannot be used."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from medcnn.io.conformance.case import Case
from medcnn.io.conformance.example import file_of

_LINEAR, _EXACT, _SIGMOID = "PS3.3 C.11.2.1.2.1", "PS3.3 C.11.2.1.3.2", "PS3.3 C.11.2.1.3.1"
_FALLBACK = "medcnn, no section"


def _row(*values: int, dtype: str = "u2", **elements: Any) -> partial[bytes]:
    return partial(file_of, np.array([values], dtype), **elements)


def _thousand(**elements: Any) -> partial[bytes]:
    """Return an image of the values 0 to 999 once each, but for an outlier in the place of 999."""
    stored = np.arange(1000, dtype="u2").reshape(20, 50)
    stored[-1, -1] = 60000
    return partial(file_of, stored, bits=16, **elements)


def _stretched() -> list[float]:
    # 0.5% of 1000 pixels is the fifth smallest value, 99.5% the 995th.
    low, high = 4, 994
    inside = [min(max((value - low) / (high - low), 0), 1) for value in range(999)]
    return [*inside, 1.0]


_WIDE: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}
_STEPS = (0, 1024, 2048, 4095)
_LINEAR_STEPS = (0, 1024 / 4095, 2048 / 4095, 1)

CASES = (
    Case("LINEAR window", _LINEAR, _row(*_STEPS, **_WIDE), _LINEAR_STEPS),
    Case(
        "LINEAR window, centre 0 and width 100 (the standard's example)",
        _LINEAR,
        _row(-60, -50, 0, 49, 60, dtype="i2", WindowCenter=0, WindowWidth=100),
        (0, 0, 0.5 / 99 + 0.5, 1, 1),
    ),
    Case(
        "LINEAR window of width 1 on two values",
        _LINEAR,
        _row(2047, 2048, WindowCenter=2048, WindowWidth=1),
        (0, 1),
    ),
    Case(
        "LINEAR_EXACT window",
        _EXACT,
        _row(*_STEPS, **_WIDE, VOILUTFunction="LINEAR_EXACT"),
        (0, 0.25, 0.5, 4095 / 4096),
    ),
    Case(
        "LINEAR_EXACT window narrower than 1",
        _EXACT,
        partial(
            file_of,
            np.array([[0, 5, 6, 7, 10]], "u2"),
            RescaleSlope="0.1",
            RescaleIntercept=0,
            WindowCenter="0.6",
            WindowWidth="0.4",
            VOILUTFunction="LINEAR_EXACT",
        ),
        (0, 0.25, 0.5, 0.75, 1),
    ),
    Case(
        "SIGMOID window",
        _SIGMOID,
        _row(0, 1500, 2000, 2500, WindowCenter=2000, WindowWidth=1000, VOILUTFunction="SIGMOID"),
        (1 / (1 + np.exp(8)), 1 / (1 + np.exp(2)), 0.5, 1 / (1 + np.exp(-2))),
    ),
    Case(
        "several windows: the first",
        "PS3.3 C.11.2.1.2",
        _row(*_STEPS, WindowCenter=[2048, 100], WindowWidth=[4096, 50]),
        _LINEAR_STEPS,
    ),
    Case(
        "unknown VOI LUT Function: LINEAR",
        _LINEAR,
        _row(*_STEPS, **_WIDE, VOILUTFunction="CUBIC"),
        _LINEAR_STEPS,
        warning="unknown VOI LUT Function",
    ),
    Case("no window: 0.5 to 99.5 percent of the pixels", _FALLBACK, _thousand(), _stretched()),
    Case(
        "window of width 0: percentiles",
        _FALLBACK,
        _thousand(WindowCenter=500, WindowWidth=0),
        _stretched(),
        warning="not defined; percentiles",
    ),
    Case(
        "window above every pixel: percentiles",
        _FALLBACK,
        _thousand(WindowCenter=30000, WindowWidth=2000),
        _stretched(),
        warning="clips more than 99% of the pixels; percentiles",
    ),
    Case(
        "window that is not a number: percentiles",
        _FALLBACK,
        _thousand(WindowCenter="NaN", WindowWidth="NaN"),
        _stretched(),
        warning="not defined; percentiles",
    ),
    Case(
        "window above every pixel, then a good one: the second",
        _LINEAR,
        _row(*_STEPS, WindowCenter=[30000, 2048], WindowWidth=[100, 4096]),
        _LINEAR_STEPS,
        warning="LINEAR window, centre 2048, width 4096 instead",
    ),
    Case(
        "window of negative width, then a good one: the second",
        _LINEAR,
        _row(*_STEPS, WindowCenter=[2048, 2048], WindowWidth=[-4096, 4096]),
        _LINEAR_STEPS,
        warning="width -4096: not defined",
    ),
    Case(
        "window of 12 bits over 8: percentiles",
        _FALLBACK,
        partial(file_of, np.array([[0, 100, 200]], "u1"), bits=8, **_WIDE),
        (0, 0.5, 1),
        warning="wider than all values that there can be; percentiles",
    ),
    Case(
        "Window Center without Window Width: percentiles",
        _FALLBACK,
        _thousand(WindowCenter=500),
        _stretched(),
        warning="Window Center without Window Width",
    ),
    Case("constant image without a window: black", _FALLBACK, _row(7, 7, 7), (0, 0, 0)),
)
