"""What a run says of images of elsewhere, by its frozen judgement, and how it sees them.

Legend: N images, D features; M members, V views, S stochastic passes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from medcnn.adaptation.images import Elsewhere
from medcnn.data.datamodule import XrayDataModule
from medcnn.inference.out_of_distribution import flag_files, load_detector, measure_features
from medcnn.inference.runs import Panel
from medcnn.run.directory import RunDir

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """Predictions of N images and their features.

    Attributes:
        table: As ``predictions/test.csv`` has it, with the columns of the detector where the run has
            one.
        features: Through the first member, N×D.
    """

    table: pd.DataFrame
    features: Floats


def answers_of(
    panel: Panel, run: RunDir, images: Elsewhere, *, split: str, batch_size: int
) -> Answers:
    """Return what a panel says of images.

    Args:
        panel: The members of one run or several, and what makes one answer of theirs.
        run: The first run, whose detector knows foreign images.
        images: The images.
        split: What their split is called.
        batch_size: Images that go through the network together.
    """
    chosen = images.manifest.with_table(images.manifest.table.assign(split="test"))
    half = max(batch_size // 2, 1)  # loaders double it where nothing is trained
    loader = XrayDataModule(chosen, images.cache, augment=None, batch_size=half).loader("test")
    model, detector = panel.predictor.members[0], load_detector(run)
    tables: list[pd.DataFrame] = []
    features: list[Floats] = []
    for batch in loader:
        image = batch["image"]
        columns = panel.columns(panel.predictor.logits(image))
        seen = panel.predictor.features_ND
        if seen is None:
            seen = measure_features(model, image)
        if detector is not None:
            flags, _ = flag_files(model, detector, model.calibrator, image, None, seen)
            columns = columns.join(flags)
        tables.append(columns)
        features.append(_plain(seen))
    named = images.manifest.table[["image_id", "patient_id", "label"]].assign(split=split)
    whole = named.reset_index(drop=True).join(pd.concat(tables, ignore_index=True))
    return Answers(whole, np.concatenate(features))


def _plain(features_ND: torch.Tensor) -> Floats:
    return np.asarray(features_ND.cpu().double().numpy())
