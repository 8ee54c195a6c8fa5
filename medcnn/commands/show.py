"""``medcnn show``: what a part of a configuration is, before anything is trained."""

from __future__ import annotations

import importlib
from typing import Any

from omegaconf import DictConfig

from medcnn.commands.settings import Show
from medcnn.errors import ConfigError
from medcnn.settings.composition import read_config

PARTS = {
    "model": "medcnn.commands.show_model:run",
    "augment": "medcnn.commands.show_augment:run",
    "filters": "medcnn.commands.show_filters:run",
}
"""What can be shown, and what shows each."""


def run(cfg: DictConfig) -> Any:
    """Show the one part that was chosen and return what was shown as plain values.

    Raises:
        ConfigError: If none or several were chosen.
    """
    asked = read_config(Show, cfg, lenient=True)  # data may be no more than a size
    chosen = [part for part in PARTS if getattr(asked, part)]
    if len(chosen) != 1:
        raise ConfigError(
            "show needs one thing to show.",
            expected=" or ".join(f"{part}=NAME" for part in PARTS),
            found=" ".join(f"{part}=…" for part in chosen) or "nothing",
            remedy="for example: medcnn show model=resnet18",
        )
    module, _, name = PARTS[chosen[0]].partition(":")
    return getattr(importlib.import_module(module), name)(asked)
