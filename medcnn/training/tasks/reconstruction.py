"""The pre-training task: recreate images whose parts are hidden; labels are never read.

Dimensions: N images, one channel, H×W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from medcnn.augment.normalize import normalize
from medcnn.data.batch import Batch
from medcnn.models.conv_autoencoder import ConvAutoencoder
from medcnn.training.tasks.optimization import Schedule, XrayTask, scheduled


class XrayReconstruction(XrayTask):
    """Mean squared error of the recreated image, which is one as the network of a classifier sees it.

    By the data set's mean and sd the unit is the variance of the training pixels; locally
    normalised it is about the variance within the surroundings of a pixel.

    Args:
        network: Corrupted image to clean image.
        optimizer: ``(parameters) -> optimizer``.
        schedule: Learning-rate factors.
        pixel_mean: Mean of the training pixels, in [0, 1].
        pixel_std: Their standard deviation.
        seed: Seed of the corruption, drawn anew for every step of training and once for validation.
        normalization: ``dataset``, ``image``, ``histogram`` or ``local``.
        pixel_shares: For ``histogram``, the share of training pixels at or below each level.
    """

    pixel_mean: Tensor
    pixel_std: Tensor
    pixel_shares: Tensor | None

    def __init__(
        self,
        network: ConvAutoencoder,
        *,
        optimizer: Any,
        schedule: Schedule,
        pixel_mean: float,
        pixel_std: float,
        seed: int = 0,
        normalization: str = "dataset",
        pixel_shares: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        network.to(memory_format=torch.channels_last)
        self.network, self.optimizer_of = network, optimizer
        self.schedule, self.seed = schedule, seed
        self.register_buffer("pixel_mean", torch.tensor(pixel_mean))
        self.register_buffer("pixel_std", torch.tensor(pixel_std))
        self.normalization = normalization
        shares = None if pixel_shares is None else torch.tensor(pixel_shares, dtype=torch.float64)
        self.register_buffer("pixel_shares", shares)
        self._seen: dict[str, list[tuple[Tensor, int]]] = {"train": [], "val": []}

    def normalize(self, image_N1HW: Tensor) -> Tensor:
        """Return the images as the encoder sees them, and as they are to be recreated."""
        return normalize(
            image_N1HW, self.normalization, self.pixel_mean, self.pixel_std, self.pixel_shares
        )

    def forward(self, image_N1HW: Tensor) -> Tensor:
        """Return the recreated images, normalised, of clean images in [0, 1]."""
        image = self.normalize(image_N1HW)
        made: Tensor = self.network(image.contiguous(memory_format=torch.channels_last))
        return made

    def errors(self, batch: Batch, key: list[int]) -> tuple[Tensor, Tensor]:
        """Return the squared error of each image, N, and the recreated images, N×1×H×W."""
        image = self.normalize(batch["image"])
        drawn = np.random.SeedSequence([self.seed, *key]).generate_state(1)[0]
        dirty, _ = self.network.corrupt(image, torch.Generator().manual_seed(int(drawn)))
        made = self.network(dirty.contiguous(memory_format=torch.channels_last)).float()
        return (made - image).square().flatten(1).mean(1), made

    def _step(self, batch: Batch, split: str, key: list[int]) -> Tensor:
        error_N, _ = self.errors(batch, key)
        self._seen[split].append((error_N.detach().sum(), len(error_N)))
        return error_N.mean()

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the error of one training batch."""
        return self._step(batch, "train", [0, self.current_epoch, batch_index])

    def validation_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the error of one validation batch, whose corruption is always the same."""
        return self._step(batch, "val", [1, 0, batch_index])

    def on_validation_epoch_end(self) -> None:
        """Log the mean errors of the epoch."""
        for split, seen in self._seen.items():
            if seen:
                total = sum(float(error) for error, _ in seen) / sum(n for _, n in seen)
                if not math.isfinite(total):
                    self.diverge(total, split)
                self.log(f"{split}_loss", total, sync_dist=True)
        self._seen = {"train": [], "val": []}

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return the optimiser and its schedule, which moves at every step."""
        optimizer = self.optimizer_of([{"params": list(self.network.parameters())}])
        total = int(self.trainer.estimated_stepping_batches)
        scheduler = scheduled(optimizer, self.schedule, step=0, total=total)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }
