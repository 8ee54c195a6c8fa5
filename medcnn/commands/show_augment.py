"""``medcnn show augment=NAME``: what each operator of an augmentation does to a radiograph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from medcnn.augment import Augmentation
from medcnn.augment.gallery import gallery
from medcnn.augment.resampling import Images
from medcnn.console import say, warn
from medcnn.data.checks import check_data, check_path
from medcnn.data.manifest import COLUMNS, Manifest
from medcnn.data.preparation import cache_images, read_data
from medcnn.data.settings import Data, Source
from medcnn.errors import DataError
from medcnn.reporting.figures.gallery import picture_grid
from medcnn.reporting.figures.style import to_png
from medcnn.run.directory import atomic_path
from medcnn.settings.composition import plain
from medcnn.settings.reading import read

DEFAULT_OUTPUT = "augmentation.png"
PHANTOM = Source("medcnn.data.sources.phantom.read", {"n_images": 8, "seed": 0})
"""Where neither an image nor a data set is given: a handful of simulated radiographs."""


def run(cfg: DictConfig) -> dict[str, Any]:
    """Draw the gallery and return where it lies and what it shows.

    Raises:
        ConfigError: If an operator, an option or the data group is not valid.
        DataError: If there is no image, or it cannot be read.
    """
    options = plain(cfg)
    given = {key: value for key, value in options["augment"].items() if key != "_target_"}
    augmentation = Augmentation(**given)
    images = images_of(pick(options), options)
    partner = images[1] if len(images) > 1 else None
    pictures = gallery(
        augmentation, images[0], options["seed"], partner=partner, draws=options["draws"]
    )
    names = [name for name, _ in pictures]
    for name in set(augmentation.operators) - set(names):
        warn(f"{name} mixes two images, and only one was given: it is not shown.")
    output = Path(options["output"] or DEFAULT_OUTPUT)
    with atomic_path(output) as temporary:
        temporary.write_bytes(to_png(picture_grid(pictures)))
    say(f"shown        {', '.join(names)}")
    say(f"gallery      {output}")
    return {"output": str(output), "shown": names}


def pick(options: Mapping[str, Any]) -> Manifest:
    """Return a manifest of the image to show and, where there is a second one, its partner."""
    if options["image"]:
        path = Path(str(options["image"])).expanduser()
        check_path(path, "image")
        row = dict.fromkeys(COLUMNS, "") | {"image_id": path.name, "path": str(path.resolve())}
        return Manifest(pd.DataFrame([row]), source=path.name)
    if "source" in options["data"]:
        data = read(Data, options["data"], prefix="data.")
        check_data(data)
        manifest = read_data(data)
    else:
        manifest = read_data(Data(source=PHANTOM))
    # One normal and one abnormal chest: mixtures are of two kinds of image.
    return manifest.with_table(manifest.table.groupby("label", sort=True).head(1))


def images_of(manifest: Manifest, options: Mapping[str, Any]) -> Images:
    """Return the images of a manifest at the size of the data group.

    Raises:
        DataError: If one cannot be read.
    """
    data = read(Data, options["data"], lenient=True, prefix="data.")
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
