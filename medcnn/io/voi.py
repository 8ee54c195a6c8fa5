"""Which VOI LUT or window an image gets: the first that can be used, else a robust stretch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from pydicom.dataset import Dataset

from medcnn.io.histogram import Histogram
from medcnn.io.lut import Lut, Values, Window
from medcnn.io.lut_reading import ignored_lut, luts, moved_lut, windows
from medcnn.io.notes import Note

PERCENTILES = (0.5, 99.5)
"""The stretch of images without a usable window, in percent of the pixels that are not padding."""

MIN_INSIDE = 0.01
"""A window that leaves fewer of the pixels unclipped shows next to nothing, and is not used."""

_FEW = 2
"""A threshold on so few distinct values is no mistake."""

_WIDEST_WINDOW = 2.0
"""A window wider than so many times the range would leave a half of the brightness unused."""

_MOST_TOLD = 3


@dataclass(frozen=True)
class Voi:
    """What maps values to [0, 1], in words, and what is wrong with what was passed over."""

    to_unit: Callable[[Values], Values]
    description: str
    notes: tuple[Note, ...]


def choose_voi(dataset: Dataset, histogram: Histogram, values: Values, full_range: float) -> Voi:
    """Return the first VOI LUT that can be used, else the first window, else the stretch.

    Args:
        dataset: The data set.
        histogram: Of the stored values.
        values: What the modality LUT makes of its values.
        full_range: How many values there can be behind the modality LUT.
    """
    notes: list[Note] = []
    for found in luts(dataset, "VOILUTSequence", is_signed=bool(values.min() < 0)):
        lut = placed(found.lut, histogram, values) if found.lut else None
        if found.lut and (lut is None or _is_flat(lut, values)):
            notes.append(ignored_lut("VOILUTSequence", "shows none of the pixels"))
            continue
        notes += [found.note] if found.note else []
        if lut is None:
            continue
        if lut is not found.lut:
            notes.append(moved_lut("VOILUTSequence", lut))
        text = f"VOI LUT sequence, {len(lut.entries)} entries"
        return Voi(_unit_lut(lut), text, tuple(notes))
    return _choose_window(dataset, histogram, values, full_range, notes)


def _choose_window(
    dataset: Dataset,
    histogram: Histogram,
    values: Values,
    full_range: float,
    notes: list[Note],
) -> Voi:
    candidates, of_windows = windows(dataset)
    notes = [*notes, *of_windows]
    passed_over: list[str] = []
    for number, window in enumerate(candidates, 1):
        text = f"{window.function} window, centre {window.center:g}, width {window.width:g}"
        complaint = _complain(window, histogram, values, full_range)
        if not complaint:
            several = f" ({_ordinal(number)} of {len(candidates)})" if len(candidates) > 1 else ""
            notes += [
                Note("window", f"{said}; {text} instead") for said in passed_over[:_MOST_TOLD]
            ]
            return Voi(window, text + several, tuple(notes))
        passed_over.append(f"{text}: {complaint}")
    stretch = stretched(histogram, values)
    instead = f"; {stretch.description} instead"
    notes += [Note("window", said + instead) for said in passed_over[:_MOST_TOLD]]
    return replace(stretch, notes=tuple(notes))


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"number {number}")


def _is_flat(lut: Lut, values: Values) -> bool:
    return len(values) > _FEW and bool(np.ptp(lut(values)) < MIN_INSIDE * lut.top)


def _complain(window: Window, histogram: Histogram, values: Values, full_range: float) -> str:
    if not window.is_valid:
        return "not defined"
    if window.width > _WIDEST_WINDOW * full_range and len(values) > 1:
        return "wider than all values that there can be"
    low, high = window.limits
    inside = (values > low) & (values < high)
    varied = len(values) > _FEW
    if varied and window.function != "SIGMOID" and histogram.share(inside) < MIN_INSIDE:
        return f"clips more than {1 - MIN_INSIDE:.0%} of the pixels"
    if varied and window.function == "SIGMOID" and np.ptp(window(values)) < MIN_INSIDE:
        return "shows none of the pixels"
    return ""


def stretched(histogram: Histogram, values: Values) -> Voi:
    """Return the stretch between the percentiles."""
    low, high = (histogram.percentile(values, percent) for percent in PERCENTILES)
    if high <= low:
        low, high = float(values.min()), float(values.max())
    text = f"percentiles {PERCENTILES[0]:g} to {PERCENTILES[1]:g}: {low:g} to {high:g}"
    # A constant image has no contrast to stretch: it becomes black.
    width = high - low if high > low else 1.0
    return Voi(Window(low + width / 2, width, "LINEAR_EXACT"), text, ())


def _unit_lut(lut: Lut) -> Callable[[Values], Values]:
    def to_unit(values: Values) -> Values:
        return lut(values) / lut.top

    return to_unit


def placed(lut: Lut, histogram: Histogram, values: Values) -> Lut | None:
    """Return the LUT with a first input value that its inputs can have, None where it has none.

    The first input value of a descriptor of the other sign is off by 65536.
    """
    if len(values) <= _FEW:
        return lut
    for first in (lut.first, lut.first - 65536, lut.first + 65536):
        moved = lut if first == lut.first else replace(lut, first=first)
        if histogram.share(moved.holds(values)) >= MIN_INSIDE:
            return moved
    return None
