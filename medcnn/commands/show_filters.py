"""``medcnn show filters=all``: a radiograph under each filter of the fixed banks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medcnn.commands.settings import Show
from medcnn.commands.show_augment import images_of, pick
from medcnn.console import say
from medcnn.reporting.figures.gallery import picture_grid
from medcnn.reporting.figures.style import to_png
from medcnn.run.directory import atomic_path

DEFAULT_OUTPUT = Path("filters.png")


def run(asked: Show) -> dict[str, Any]:
    """Draw the figure and return where it lies and what it shows.

    Raises:
        ConfigError: If there is no filter of a name, or the data group is not valid.
        DataError: If there is no image, or it cannot be read.
    """
    names = None if asked.filters == ("all",) else list(asked.filters)
    image = images_of(pick(asked), asked.data)[0]
    from medcnn.layers import filter_gallery as drawing  # torch: seconds

    pictures = drawing.filter_gallery(image, names)
    output = asked.output or DEFAULT_OUTPUT
    with atomic_path(output) as temporary:
        temporary.write_bytes(to_png(picture_grid(pictures, columns=4)))
    shown = [name for name, _ in pictures]
    say(f"shown        {', '.join(shown)}")
    say(f"figure       {output}")
    return {"output": str(output), "shown": shown}
