"""The inspection of a finished run, on its own validation images."""

from __future__ import annotations

from medcnn.data.batch import Batch
from medcnn.data.datamodule import XrayDataModule
from medcnn.data.manifest import Manifest
from medcnn.data.preparation import cache_images
from medcnn.inference.loading import load_model
from medcnn.inference.runs import run_manifest
from medcnn.inspection.figures import draw_inspection
from medcnn.inspection.network import Inspection, inspect
from medcnn.run_dir import RunDir, atomic_path

IMAGES = 64
"""Of both classes alike: the share of dead channels changes little beyond."""


def inspect_run(run: RunDir) -> Inspection:
    """Look into the model of a run, and leave ``filters.png``, ``activations.png``, ``gradients.png``.

    Raises:
        WeightsError: If the run is not finished.
    """
    model = load_model(run)
    found = inspect(model, _some_images(run_manifest(run), model.settings["data"]))
    for name, picture in draw_inspection(found).items():
        with atomic_path(run.figures / f"{name}.png") as temporary:
            temporary.write_bytes(picture)
    return found


def _some_images(manifest: Manifest, data: dict[str, object]) -> Batch:
    rows = manifest.split("val")
    parts = [part.head(IMAGES // 2) for _, part in rows.groupby("label")]
    chosen = rows[rows["image_id"].isin([name for part in parts for name in part["image_id"]])]
    few = manifest.with_table(chosen)
    loaders = XrayDataModule(few, cache_images(few, data), augment=None, batch_size=len(chosen))
    batch: Batch = next(iter(loaders.val_dataloader()))
    return batch
