"""``medcnn show model=NAME``: every layer with its arithmetic, and where time and memory go."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.console import say
from medcnn.models.checks import check_model
from medcnn.models.settings import Model
from medcnn.run.directory import write_json
from medcnn.settings.composition import plain
from medcnn.settings.fields import setting
from medcnn.settings.reading import as_plain, read


@dataclass(frozen=True)
class Side:
    """The size of the images."""

    image_size: int = setting(224, "pixels a side", low=16, high=4096)


@dataclass(frozen=True)
class ShowModel:
    """What a model is shown by."""

    data: Side = setting(Side(), "the images")
    model: Model = setting(Model(), "the network")
    batch_size: int = setting(
        32, "images a training step, for the memory it takes", low=1, high=65536
    )
    measure: bool = setting(True, "time each layer on this machine")
    output: Path | None = setting(None, "a JSON file beside the printed table")


def run(cfg: DictConfig) -> dict[str, Any]:
    """Print the layers of a model and return them.

    Raises:
        ConfigError: If the model is not known or does not take images of that size, or a value is
            none.
    """
    options = read(ShowModel, plain(cfg), lenient=True)
    model, size = options.model, options.data.image_size
    check_model(model.changed(weights="none"))
    build = importlib.import_module("medcnn.models.classifier")  # torch: seconds
    inventory = importlib.import_module("medcnn.models.inventory")
    text = importlib.import_module("medcnn.models.inventory_table")
    network = build.rebuild(model)
    found = inventory.take_inventory(network, (1, size, size), measure=options.measure)
    say(text.render_table(found, f"{model.backbone}, one image of {size}×{size}"))
    lines = text.conclusions(found, options.batch_size)
    for line in lines:
        say(line)
    result = {"model": as_plain(model), **found.to_json(), "conclusions": lines}
    if options.output is not None:
        write_json(options.output, result)
    return result
