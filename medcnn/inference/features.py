"""The features of images through the network of a run, one row an image.

Legend: N images, one channel, H×W pixels, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from rich.progress import track
from torch import Tensor

from medcnn.console import CONSOLE
from medcnn.data.batch import unit_images
from medcnn.data.datamodule import XrayDataModule
from medcnn.data.preparation import cache_images
from medcnn.errors import DataError, WeightsError
from medcnn.files.hashing import sha256_of
from medcnn.inference.device import choose_device, full_precision
from medcnn.inference.files import Reading, find_images, read_files
from medcnn.inference.loading import load_model, read_checkpoint
from medcnn.inference.predictor import CPU
from medcnn.inference.runs import run_manifest
from medcnn.inference.settings import Features as Asked
from medcnn.inference.settings import RunSettings, run_settings
from medcnn.io.identifiers import pseudonym, read_salt
from medcnn.models.classifier import build_classifier
from medcnn.models.stages import Backbone
from medcnn.models.truncation import shortened
from medcnn.run.directory import RunDir
from medcnn.run.hashes import checked
from medcnn.settings.grammar import written

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Encoder:
    """The network of a run up to its features, in evaluation mode.

    Attributes:
        backbone: Standardised image to features.
        normalize: Image in [0, 1] to standardised image.
        settings: The configuration of the run.
        sha256: Hash of the checkpoint.
        device: Where it computes.
    """

    backbone: Backbone
    normalize: Callable[[Tensor], Tensor]
    settings: RunSettings
    sha256: str
    device: torch.device = CPU

    @property
    def image_size(self) -> int:
        """Pixels a side of what it was trained on."""
        return self.settings.data.image_size

    def to(self, device: torch.device) -> Encoder:
        """Return the same, on a device."""
        return replace(self, backbone=self.backbone.to(device), device=device)

    @torch.inference_mode()
    def features(self, image_N1HW: Tensor) -> Features:
        """Return N×D features, in 32 bit, of images in [0, 1]."""
        with full_precision():
            features: Tensor = self.backbone(self.normalize(image_N1HW.to(self.device)))
        return features.float().cpu().numpy()


@dataclass(frozen=True)
class Extracted:
    """The table of features, how many there are, and what a reader has to know."""

    table: pd.DataFrame
    width: int
    warnings: tuple[str, ...] = ()


def load_encoder(run: RunDir, stage: str | None = None) -> Encoder:
    """Return the network of a finished classifier or autoencoder up to its features.

    Args:
        run: The run.
        stage: Where it ends, the means of the maps being the features; None: the whole of it.

    Raises:
        WeightsError: If the run is not finished or its checkpoint cannot be read.
        ConfigError: If there is no such stage.
    """
    settings = run_settings(run)
    if settings.task == "autoencoder":
        encoder = _of_autoencoder(run, settings)
    else:
        model = load_model(run)
        encoder = Encoder(model.network.backbone, model.normalize, settings, model.sha256)
    if stage is None:
        return encoder
    cut = shortened(encoder.backbone, stage, encoder.image_size).eval()
    return replace(encoder, backbone=cut)


def extract(run: RunDir, options: Asked) -> Extracted:
    """Return the features of a run's own images or of files.

    Args:
        run: The run.
        options: What is asked for.

    Raises:
        DataError: If there is no image, or none can be read.
    """
    encoder = load_encoder(run, options.stage).to(choose_device(options.device))
    of = _of_files if options.input is not None else _of_run
    rows, features_ND, warnings = of(run, encoder, options)
    columns = [f"feature_{number}" for number in range(features_ND.shape[1])]
    table = pd.concat([rows, pd.DataFrame(features_ND, columns=columns)], axis=1)
    # pandas writes these into the metadata of a Parquet file.
    table.attrs = {"run": str(run.path), "stage": options.stage, "checkpoint": encoder.sha256}
    return Extracted(table, len(columns), warnings)


def _of_autoencoder(run: RunDir, settings: RunSettings) -> Encoder:
    path = checked(run, run.best_checkpoint)
    if not run.results.is_file() or not path.is_file():
        raise WeightsError(
            f"The run {run.path} is not finished.",
            expected="checkpoints/best.ckpt and results.json",
            found="a pre-training that was stopped",
            remedy=f"medcnn train {written('resume', run.path)}",
        )
    arguments = settings.model.changed(weights=str(run.path)).arguments
    network = build_classifier(**arguments).eval()
    state = read_checkpoint(path)["state_dict"]
    mean, std = float(state["pixel_mean"]), float(state["pixel_std"])
    return Encoder(
        network.backbone,
        lambda image_N1HW: (image_N1HW - mean) / std,
        settings,
        sha256_of(path),
    )


Found = tuple[pd.DataFrame, Features, tuple[str, ...]]
"""The identifying columns, the features, and warnings."""


def _of_run(run: RunDir, encoder: Encoder, options: Asked) -> Found:
    manifest = run_manifest(run)
    rows = manifest.table if options.split == "all" else manifest.split(options.split)
    if rows.empty:
        raise DataError(
            f"The run {run.path} has no images of the split {options.split!r}.",
            expected="train, val, test or all",
            found=", ".join(sorted(set(manifest.table["split"]))),
        )
    # One loader over all rows keeps the order of the manifest; the split is put back below.
    chosen = manifest.with_table(rows.assign(split="test"))
    cache = cache_images(chosen, encoder.settings.data)
    half = max(options.batch_size // 2, 1)  # loaders double it where nothing is trained
    loader = XrayDataModule(chosen, cache, augment=None, batch_size=half).loader("test")
    parts = [encoder.features(batch["image"]) for batch in shown(loader, len(loader))]
    named = rows[["image_id", "patient_id", "label", "split"]].reset_index(drop=True)
    return named, np.concatenate(parts), ()


def _of_files(_run: RunDir, encoder: Encoder, options: Asked) -> Found:
    root = options.input or Path()
    paths = find_images(root)
    salt = read_salt() if encoder.settings.data.hash_patients else None
    exact = encoder.settings.data.exact
    readings = shown(read_files(paths, encoder.image_size, exact=exact), len(paths))
    rows: list[dict[str, Any]] = []
    parts: list[Features] = []
    unread: list[str] = []
    for group in _groups(readings, options.batch_size, unread):
        images = np.stack([pixels for _, pixels in group])
        parts.append(encoder.features(unit_images(images)))
        rows += [_row(reading, root, salt) for reading, _ in group]
    if not rows:
        raise DataError(
            f"None of the {len(paths)} files in {root} can be read.",
            expected="DICOM, PNG, JPEG, TIFF or BMP images",
            found=unread[0],
            remedy="run medcnn doctor on the folder",
        )
    warnings = tuple(f"left out: {text}" for text in unread)
    return pd.DataFrame(rows).astype({"label": "Int64"}), np.concatenate(parts), warnings


def _groups(
    readings: Iterable[Reading], size: int, unread: list[str]
) -> Iterator[list[tuple[Reading, npt.NDArray[np.uint8]]]]:
    """Yield the readable files in groups, and put the errors of the others into ``unread``."""

    def sound() -> Iterator[tuple[Reading, npt.NDArray[np.uint8]]]:
        for reading in readings:
            if reading.pixels is None:
                unread.append(str(reading.error))
            else:
                yield reading, reading.pixels

    rest = sound()
    while group := list(islice(rest, size)):
        yield group


def _row(reading: Reading, root: Path, salt: str | None) -> dict[str, Any]:
    path, facts = reading.path, reading.facts
    name = str(path.relative_to(root)) if root.is_dir() else path.name
    patient = None if facts is None else facts.patient_id
    patient = pseudonym(patient, salt) if patient and salt else patient
    return {"image_id": name, "patient_id": patient, "label": None, "split": None}


def shown(items: Iterable[Any], total: int) -> Iterable[Any]:
    """Return items with a progress bar that goes away."""
    show: Callable[..., Iterable[Any]] = track
    return show(items, "features", total=total, console=CONSOLE, transient=True)
