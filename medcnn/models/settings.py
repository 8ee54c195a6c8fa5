"""The groups ``model`` and ``transfer``: the network, and what of it trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medcnn.models.names import INITIALISATIONS
from medcnn.settings.fields import Component, setting

_OF_CLASSIFIER = ("backbone", "weights", "dropout", "init")


@dataclass(frozen=True)
class Model(Component):
    """The classifier; an architecture has options of its own beside these."""

    backbone: str | None = setting(None, "the architecture; timm:NAME and xrv:NAME too")
    factory: str = setting(
        "", "of backbone=custom: PACKAGE:FUNCTION that builds a network of one's own"
    )
    weights: str = setting("auto", "auto | pretrained | none | a file or run directory")
    init: str = setting("default", "how random weights are drawn", choices=INITIALISATIONS)
    dropout: float = setting(0.2, "before the head", low=0, high=0.99)
    stem: str = setting("auto", "small keeps the resolution, for images up to 64 pixels")
    image_size: int = setting(224, "pixels a side, as data has it", low=1, high=4096)
    widths: tuple[int, ...] = setting((), "channels of each stage", low=1)
    hidden: tuple[int, ...] = setting((), "fully connected layers before the head", low=1)
    filters: tuple[str, ...] = setting((), "fixed filters as a stem")

    @property
    def architecture(self) -> dict[str, Any]:
        """What the backbone is built with."""
        return {key: value for key, value in self.arguments.items() if key not in _OF_CLASSIFIER}


@dataclass(frozen=True)
class Transfer(Component):
    """The policy of what trains, and when."""

    stage: str | None = setting(None, "the stage whose features a linear probe reads")
    k: int = setting(2, "stages that train, from the last on", low=0, high=1000)
    every: int = setting(1, "epochs between one stage and the next", low=1, high=100_000)
    decay: float = setting(
        0.7, "factor on the rate from one stage to the one before", above=0, high=1
    )
    little: int = setting(
        1000, "training images below which there is very little data", low=0, high=1_000_000_000
    )
