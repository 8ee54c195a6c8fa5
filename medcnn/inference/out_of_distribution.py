"""The features of images through a trained network, and the detector of foreign ones fitted to them.

Legend: N images, one channel, H×W pixels, D features.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.detector import Detector, Measured, fit_detector
from medcnn.calibration.home import Home, kept_rows
from medcnn.calibration.input_checks import InputReference, fit_input_reference
from medcnn.calibration.out_of_distribution import KEPT, fit_reference
from medcnn.data.batch import Batch
from medcnn.data.datamodule import XrayDataModule
from medcnn.io.facts import Facts
from medcnn.models.classifier import Classifier
from medcnn.run.directory import RunDir
from medcnn.run.hashes import checked

REMEMBERED = ("train", "val")
DESCRIBED = 500
"""Training images whose pixels are described: enough for the central 95 % of a statistic."""


class Model(Protocol):
    """A task or a trained model: a classifier and how its images are normalised."""

    network: Classifier

    def normalize(self, image_N1HW: Tensor) -> Tensor:
        """Return the images as the network saw them in training."""


def load_detector(run: RunDir) -> Detector | None:
    """Return the detector of a run; None where it was trained without one."""
    path = checked(run, run.out_of_distribution)
    return Detector.load(path) if path.is_file() else None


@torch.inference_mode()
def measure(
    model: Model,
    image_N1HW: Tensor,
    inputs: InputReference,
    calibrator: Calibrator,
    features_ND: Tensor | None = None,
) -> Measured:
    """Return features, logit, probability and pixel statistics of a batch, in one pass.

    Args:
        model: Its network in evaluation mode.
        image_N1HW: In [0, 1].
        inputs: What the pixels are compared with.
        calibrator: Logit to probability.
        features_ND: Of the images, where they are known already.
    """
    features = measure_features(model, image_N1HW) if features_ND is None else features_ND
    logit = model.network.head(features).cpu().double().numpy()
    return Measured(
        features.cpu().double().numpy(),
        logit,
        calibrator.probability(logit),
        inputs.deviations(image_N1HW[:, 0].float().cpu().numpy()),
    )


@torch.inference_mode()
def measure_features(model: Model, image_N1HW: Tensor) -> Tensor:
    """Return the features of images in [0, 1], N×D, where the model computes."""
    device = next(model.network.parameters()).device
    return model.network.features(model.normalize(image_N1HW.to(device)))


def fit_on_images(
    model: Model,
    data: XrayDataModule,
    calibrator: Calibrator,
    score: str,
    *,
    quantile: float,
    splits: Sequence[str] = ("val", "test"),
    seed: int = 0,
) -> tuple[Detector, dict[str, pd.DataFrame]]:
    """Fit the detector on train, its thresholds on validation, and flag what is foreign in the splits.

    At most 2000 training images are passed, drawn at random and not augmented.

    Args:
        model: The trained task or model.
        data: Its data.
        calibrator: Logit to probability.
        score: One of ``medcnn.calibration.out_of_distribution.SCORES``.
        quantile: The share of validation that is not flagged.
        splits: What to flag besides; validation first.
        seed: Seed of the draw.

    Returns:
        The detector, and for each split its columns in the order of the manifest.
    """
    train = data.manifest.split("train")
    chosen = train.iloc[np.random.default_rng(seed).permutation(len(train))[:KEPT]]
    inputs = fit_input_reference(
        lambda: _pixels(data, chosen["image_id"].tolist()[:DESCRIBED]),
        train["view"].fillna("").tolist() if "view" in train else (),
    )
    was_training = model.network.training
    model.network.eval()
    learnt = _through(model, _some(data, chosen, "train"), inputs, calibrator)
    measured = {split: _through(model, data.loader(split), inputs, calibrator) for split in splits}
    model.network.train(was_training)
    reference = fit_reference(learnt.features, chosen["label"].to_numpy(np.int64), seed=seed)
    detector = fit_detector(score, reference, inputs, measured["val"], quantile)
    return detector, {split: detector.flag(each) for split, each in measured.items()}


def flag_files(
    model: Model,
    detector: Detector,
    calibrator: Calibrator,
    image_N1HW: Tensor,
    facts: Sequence[Facts] | None,
    features_ND: Tensor | None = None,
) -> tuple[pd.DataFrame, Measured]:
    """Return the detector's columns of a batch of files, and what was measured of them."""
    measured = measure(model, image_N1HW, detector.inputs, calibrator, features_ND)
    return detector.flag(measured, facts), measured


def _through(
    model: Model, batches: Iterable[Batch], inputs: InputReference, calibrator: Calibrator
) -> Measured:
    parts = [measure(model, batch["image"], inputs, calibrator) for batch in batches]
    return Measured(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.logit for part in parts]),
        np.concatenate([part.p for part in parts]),
        np.concatenate([part.deviations for part in parts]),
    )


def _pixels(data: XrayDataModule, image_ids: Sequence[str]) -> Iterator[np.ndarray]:
    rows = data.cache.rows_of(list(image_ids))
    for start in range(0, len(rows), 64):
        images = data.cache.take(rows[start : start + 64])
        yield images.astype(np.float32) / np.iinfo(images.dtype).max


def _some(data: XrayDataModule, rows: pd.DataFrame, split: str) -> Iterable[Batch]:
    """Return the batches of some images of a split, not augmented."""
    manifest = data.manifest.with_table(rows.assign(split=split))
    return XrayDataModule(manifest, data.cache, augment=None, batch_size=data.batch_size).loader(
        split
    )


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
    few = _some(data, val.iloc[rows], "val")
    was_training = model.network.training
    model.network.eval()
    parts = [measure_features(model, each["image"]).float().cpu().numpy() for each in few]
    model.network.train(was_training)
    known = data.manifest.table
    names = known.loc[known["split"].isin(REMEMBERED), "image_id"].tolist()
    keys = data.cache.keys[data.cache.rows_of(names)].tolist()
    home = Home(np.concatenate(parts), rows, tuple(keys))
    home.save(run.home)
    return home
