"""``medcnn show model=NAME``: every layer with its arithmetic, and where time and memory go."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from medcnn.console import say
from medcnn.models.checks import check_model
from medcnn.run.directory import write_json
from medcnn.settings.composition import plain
from medcnn.settings.rules import SHOW_MODEL_RULES
from medcnn.training.settings import check_rules


def run(cfg: DictConfig) -> dict[str, Any]:
    """Print the layers of a model and return them.

    Raises:
        ConfigError: If the model is not known or does not take images of that size, or a value is
            none.
    """
    options = plain(cfg)
    check_rules(options, SHOW_MODEL_RULES)
    model, size = options["model"], options["data"]["image_size"]
    check_model({**model, "weights": "none"})
    build = importlib.import_module("medcnn.models.classifier")  # torch: seconds
    inventory = importlib.import_module("medcnn.models.inventory")
    text = importlib.import_module("medcnn.models.inventory_table")
    network = build.rebuild(model)
    found = inventory.take_inventory(network, (1, size, size), measure=options["measure"])
    say(text.render_table(found, f"{model['backbone']}, one image of {size}×{size}"))
    lines = text.conclusions(found, options["batch_size"])
    for line in lines:
        say(line)
    result = {"model": model, **found.to_json(), "conclusions": lines}
    if options["output"] is not None:
        write_json(Path(options["output"]), result)
    return result
