"""Models: backbones by name, the classifier around them, and what of it trains."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medcnn.models.classifier import Classifier, build_classifier, rebuild

__all__ = ["Classifier", "build_classifier", "rebuild"]


def __getattr__(name: str) -> Any:
    # The command line asks for names of models before torch is imported.
    if name in __all__:
        return getattr(importlib.import_module("medcnn.models.classifier"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
