"""Losses on one logit an image, by name, alone or as a weighted mixture."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medcnn.losses.objective import Objective

__all__ = ["Objective"]


def __getattr__(name: str) -> Any:
    # The command line asks for names of losses before torch is imported.
    if name in __all__:
        return getattr(importlib.import_module("medcnn.losses.objective"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
