"""The inspection of the models of a run, on its own validation images."""

from __future__ import annotations

from medcnn.data.batch import Batch
from medcnn.data.cache.images import ImageCache
from medcnn.data.datamodule import XrayDataModule
from medcnn.data.manifest import Manifest
from medcnn.data.preparation import cache_images
from medcnn.inference.loading import load_model
from medcnn.inference.runs import run_manifest
from medcnn.inference.settings import run_settings
from medcnn.inspection.figures import draw_inspection
from medcnn.inspection.network import Inspection, inspect
from medcnn.run.directory import RunDir, atomic_path

IMAGES = 64
"""Of both classes alike: the share of dead channels changes little beyond."""


def inspect_run(run: RunDir) -> list[Inspection]:
    """Look into each model of a finished run, and draw the first: filters, activations, gradients.

    Raises:
        WeightsError: If the run is not finished.
    """
    few = _some_images(run_manifest(run))
    found = inspect_models(run, few, cache_images(few, run_settings(run).data))
    for name, picture in draw_inspection(found[0]).items():
        with atomic_path(run.figures / f"{name}.png") as temporary:
            temporary.write_bytes(picture)
    return found


def inspect_models(run: RunDir, manifest: Manifest, cache: ImageCache) -> list[Inspection]:
    """Look into the model of a run, or into each of its members.

    Args:
        run: Trained, whether or not it is evaluated already.
        manifest: Its images.
        cache: Their pixels.
    """
    few = _some_images(manifest)
    loaders = XrayDataModule(few, cache, augment=None, batch_size=IMAGES, num_workers=0)
    batch: Batch = next(iter(loaders.val_dataloader()))
    return [inspect(load_model(each), batch) for each in run.members or [run]]


def dead_share(found: list[Inspection]) -> float:
    """Return the share of dead channels of the model that has most of them."""
    return max(each.dead for each in found)


def _some_images(manifest: Manifest) -> Manifest:
    rows = manifest.split("val")
    parts = [part.head(IMAGES // 2) for _, part in rows.groupby("label")]
    chosen = {name for part in parts for name in part["image_id"]}
    return manifest.with_table(rows[rows["image_id"].isin(chosen)])
