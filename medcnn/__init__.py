"""Train, check and report chest X-ray normal/abnormal classifiers.

``train``, ``evaluate`` and ``predict`` do what the commands of the same name do, and ``Run`` reads
what they left; they are imported when first used, so that ``import medcnn`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from medcnn.version import __version__

if TYPE_CHECKING:
    from medcnn.api import Run, evaluate, predict, train

__all__ = ["Run", "__version__", "evaluate", "predict", "train"]


def __getattr__(name: str) -> Any:
    if name in ("Run", "train", "evaluate", "predict"):
        return getattr(importlib.import_module("medcnn.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
