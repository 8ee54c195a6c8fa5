"""What a run remembers of home, taken from its images while they are there."""

from __future__ import annotations

import numpy as np

from medcnn.calibration.home import Home, kept_rows
from medcnn.data.datamodule import XrayDataModule
from medcnn.inference.out_of_distribution import Model, measure_features
from medcnn.run.directory import RunDir

REMEMBERED = ("train", "val")


def keep_home(model: Model, data: XrayDataModule, run: RunDir, seed: int) -> Home:
    """Write ``home.npz``: features of validation, and the keys of what was trained on.

    Args:
        model: The trained task or model, the first member of an ensemble.
        data: The images of the run.
        run: Where it goes.
        seed: Of the draw where validation is large.
    """
    val = data.manifest.split("val")
    rows = kept_rows(len(val), seed)
    few = XrayDataModule(
        data.manifest.with_table(val.iloc[rows].assign(split="val")),
        data.cache,
        augment=None,
        batch_size=data.batch_size,
    )
    was_training = model.network.training
    model.network.eval()
    parts = [
        measure_features(model, batch["image"]).float().cpu().numpy() for batch in few.loader("val")
    ]
    model.network.train(was_training)
    known = data.manifest.table
    names = known.loc[known["split"].isin(REMEMBERED), "image_id"].tolist()
    keys = data.cache.keys[data.cache.rows_of(names)].tolist()
    home = Home(np.concatenate(parts), rows, tuple(keys))
    home.save(run.home)
    return home
