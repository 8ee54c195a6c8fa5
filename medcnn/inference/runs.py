"""Predictions of a run's own images by one trained model or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from medcnn.data.datamodule import XrayDataModule
from medcnn.data.manifest import Manifest, build_manifest, read_table
from medcnn.data.preparation import cache_images
from medcnn.errors import ConfigError
from medcnn.inference.loading import TrainedModel, load_run
from medcnn.inference.predictor import predict_logits, with_probabilities
from medcnn.metrics.thresholds import Threshold
from medcnn.run_dir import RunDir


def predict_split(
    runs: Sequence[RunDir], options: Mapping[str, Any]
) -> tuple[pd.DataFrame, Threshold]:
    """Return the Predictions table of one split of the first run's manifest, and its threshold."""
    models = [load_run(run) for run in runs]
    manifest = run_manifest(runs[0])
    split = str(options["split"])
    if not len(manifest.split(split)):
        raise ConfigError(
            f"The run {runs[0].path} has no split {split!r}.",
            expected="train, val or test",
            found=split,
        )
    model = models[0]
    logits = predict_logits(model, _batches(model, manifest, split, options["batch_size"]))
    return with_probabilities(logits, split, model.calibrator), model.threshold


def run_manifest(run: RunDir) -> Manifest:
    """Return the manifest that a run left, with its splits."""
    return build_manifest(read_table(run.manifest), source=str(run.manifest))


def _batches(model: TrainedModel, manifest: Manifest, split: str, batch_size: int) -> Any:
    rows = manifest.with_table(manifest.split(split))
    cache = cache_images(rows, model.settings["data"])
    loaders = XrayDataModule(rows, cache, augment=None, batch_size=batch_size)
    return loaders.loader(split)
