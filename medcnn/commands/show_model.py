"""``medcnn show model=NAME``: every layer with its arithmetic, and where time and memory go."""

from __future__ import annotations

from typing import Any

from medcnn.commands.settings import Show
from medcnn.console import CONSOLE, say
from medcnn.models.checks import check_model
from medcnn.models.settings import Model
from medcnn.run.directory import write_json
from medcnn.settings.reading import as_plain


def run(asked: Show) -> dict[str, Any]:
    """Print the layers of a model and return them.

    Raises:
        ConfigError: If the model is not known or does not take images of that size, or a value is
            none.
    """
    model, size = asked.model or Model(), asked.data.image_size
    check_model(model.changed(weights="none"))
    from medcnn.models import classifier as build  # torch: seconds
    from medcnn.models import inventory
    from medcnn.models import inventory_table as text

    network = build.rebuild(model)
    found = inventory.take_inventory(network, (1, size, size), measure=asked.measure)
    width = CONSOLE.width if CONSOLE.is_terminal else text.WIDE
    title = f"{model.backbone}, one image of {size}×{size}"
    CONSOLE.print(text.render_table(found, title, width), markup=False)
    lines = text.conclusions(found, asked.batch_size)
    for line in lines:
        say(line)
    result = {"model": as_plain(model), **found.to_json(), "conclusions": lines}
    if asked.output is not None:
        write_json(asked.output, result)
    return result
