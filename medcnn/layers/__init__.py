"""Layers with hand-derived gradients, usable in any model by name.

``build`` makes a layer by name, ``make`` chooses between medcnn's and torch's implementation, and
``LAYERS`` maps every name to its class. Importing this package does not import torch.
"""

from __future__ import annotations

import importlib

from medcnn.layers.registry import ACTIVATIONS, LAYERS, build, layer_class, make

_HOMES = {
    "check_layers": "check",
    "constrain_max_norm": "constraints",
    "estimate_population_statistics": "batch_statistics",
    "fold_batch_norm": "folding",
    "render_table": "check_table",
    "StochasticLayer": "stochastic",
}

__all__ = [
    "ACTIVATIONS",
    "LAYERS",
    "StochasticLayer",
    "build",
    "check_layers",
    "constrain_max_norm",
    "estimate_population_statistics",
    "fold_batch_norm",
    "layer_class",
    "make",
    "render_table",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
