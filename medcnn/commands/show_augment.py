"""``medcnn show augment=NAME``: what each operator of an augmentation does to a radiograph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from medcnn.augment import Augmentation
from medcnn.augment.gallery import gallery
from medcnn.augment.resampling import Images
from medcnn.commands.settings import Show
from medcnn.console import say, warn
from medcnn.data.checks import check_data, check_path
from medcnn.data.manifest import COLUMNS, Manifest
from medcnn.data.preparation import cache_images, read_data
from medcnn.data.settings import Data, Source
from medcnn.errors import DataError
from medcnn.reporting.figures.gallery import picture_grid
from medcnn.reporting.figures.style import to_png
from medcnn.run.directory import atomic_path

DEFAULT_OUTPUT = Path("augmentation.png")
PHANTOM = Source("medcnn.data.sources.phantom.read", {"n_images": 8, "seed": 0})
"""Where neither an image nor a data set is given: a handful of simulated radiographs."""


def run(asked: Show) -> dict[str, Any]:
    """Draw the gallery and return where it lies and what it shows.

    Raises:
        ConfigError: If an operator, an option or the data group is not valid.
        DataError: If there is no image, or it cannot be read.
    """
    augmentation = Augmentation(**asked.augment.arguments) if asked.augment else Augmentation({})
    images = images_of(pick(asked), asked.data)
    partner = images[1] if len(images) > 1 else None
    pictures = gallery(augmentation, images[0], asked.seed, partner=partner, draws=asked.draws)
    names = [name for name, _ in pictures]
    for name in set(augmentation.operators) - set(names):
        warn(f"{name} mixes two images, and only one was given: it is not shown.")
    output = asked.output or DEFAULT_OUTPUT
    with atomic_path(output) as temporary:
        temporary.write_bytes(to_png(picture_grid(pictures)))
    say(f"shown        {', '.join(names)}")
    say(f"gallery      {output}")
    return {"output": str(output), "shown": names}


def pick(asked: Show) -> Manifest:
    """Return a manifest of the image to show and, where there is a second one, its partner."""
    path = asked.image
    if path is not None:
        check_path(path, "image")
        row = dict.fromkeys(COLUMNS, "") | {"image_id": path.name, "path": str(path.resolve())}
        return Manifest(pd.DataFrame([row]), source=path.name)
    if asked.data.name:
        check_data(asked.data)
        manifest = read_data(asked.data)
    else:
        manifest = read_data(Data(source=PHANTOM))
    # One normal and one abnormal chest: mixtures are of two kinds of image.
    return manifest.with_table(manifest.table.groupby("label", sort=True).head(1))


def images_of(manifest: Manifest, data: Data) -> Images:
    """Return the images of a manifest at the size of the data group.

    Raises:
        DataError: If one cannot be read.
    """
    cache = cache_images(manifest, data, progress=False)
    if cache.unreadable:
        problem = cache.unreadable[0]
        raise DataError(
            f"The image {problem['image_id']} cannot be shown.",
            expected="a DICOM, PNG or JPEG file",
            found=problem["problem"],
            remedy="run medcnn doctor on the file",
        )
    return cache.take(cache.rows_of(manifest.table["image_id"].tolist()))
