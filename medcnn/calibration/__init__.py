"""What is learnt on validation after training: what makes a probability safe to use.

Exports are imported when first used: checking options needs none of SciPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medcnn.calibration.calibrator import NAMES, Calibrator, probability
    from medcnn.calibration.fit import LIMITS, fit_calibrator, fit_temperature

__all__ = ["LIMITS", "NAMES", "Calibrator", "fit_calibrator", "fit_temperature", "probability"]

_HOMES = {
    "NAMES": "calibrator",
    "Calibrator": "calibrator",
    "probability": "calibrator",
    "LIMITS": "fit",
    "fit_calibrator": "fit",
    "fit_temperature": "fit",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
