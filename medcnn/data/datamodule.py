"""The datamodule: a manifest and its cache as the loaders of train, val and test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
import torch.distributed
from loky import cpu_count
from torch import Tensor
from torch.utils.data import DataLoader

from medcnn.data.batch import Batch
from medcnn.data.cache.images import ImageCache
from medcnn.data.cache.store import Pixels
from medcnn.data.dataset import Augment, BatchSampler, CachedBatches, DeviceAugment
from medcnn.data.manifest import Manifest
from medcnn.data.sampling import grouped_weights, groups_of


def worker_count(wanted: int | str, cores: int | None = None) -> int:
    """Return the number of loader processes: ``auto`` is none up to four cores, then a quarter.

    Batches come whole from a memory map and augmentation is fast, so on a small machine a worker
    would only take a core from the model. Of several processes side by side each has its share of them.
    """
    if wanted != "auto":
        return int(wanted)
    cores = cores or cpu_count()
    return 0 if cores <= 4 else min(cores // 4, 8)


class XrayDataModule(pl.LightningDataModule):
    """Loaders over one manifest.

    Args:
        manifest: The images with their splits; all of them are in the cache.
        cache: The decoded, resized images.
        augment: What is done to training batches.
        batch_size: Images a batch.
        num_workers: Processes that load, or ``auto``.
        augment_on: ``loader`` augments by OpenCV where batches are made, ``device`` in one batched
            resampling where the model is, ``auto`` on the device if that is a GPU. Both draw the same.
        balance: ``sampler`` draws both classes equally often; ``none`` takes every image once.
        balance_by: Columns of the manifest whose groups the sampler draws equally often, too.
        group_by: Columns whose groups the training batches name.
        seed: Seed of order and augmentation.
    """

    def __init__(
        self,
        manifest: Manifest,
        cache: ImageCache,
        *,
        augment: Augment | None,
        batch_size: int,
        num_workers: int | str = "auto",
        augment_on: str = "auto",
        balance: str = "none",
        balance_by: Sequence[str] = (),
        group_by: Sequence[str] = (),
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.manifest, self.cache, self.augment = manifest, cache, augment
        self.augment_on = augment_on
        self.batch_size, self.balance, self.seed = batch_size, balance, seed
        self.balance_by, self.group_by = tuple(balance_by), tuple(group_by)
        self.num_workers = worker_count(num_workers)
        self._done = (0, 0)

    def state_dict(self) -> dict[str, int]:
        """Return how many batches of the current epoch have been trained, for the checkpoint."""
        if self.trainer is None:
            return {"epoch": 0, "batches": 0}
        progress: Any = self.trainer.fit_loop.epoch_loop.batch_progress.current
        return {"epoch": self.trainer.current_epoch, "batches": progress.processed}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Go on after those batches."""
        self._done = (state_dict["epoch"], state_dict["batches"])

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return the shuffled, augmented training batches."""
        weights = self._weights() if self.balance == "sampler" else None
        return self.loader("train", train=True, weights=weights)

    def _weights(self) -> npt.NDArray[np.float64]:
        """Return the sampling weight of each training image."""
        rows = self.manifest.split("train")
        label = rows["label"].to_numpy()
        if not self.balance_by:
            return grouped_weights(label)
        return grouped_weights(label, groups_of(rows, self.balance_by, "data.balance_by"))

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return the validation batches, in the manifest's order."""
        return self.loader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """Return the test batches, in the manifest's order."""
        return self.loader("test")

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Do on the device what the loader has drawn and left to it."""
        del dataloader_idx
        pending = batch.pop("pending", None)
        if pending is not None:
            with torch.no_grad():
                batch["image"] = pending(batch["image"])
        return batch

    def _on_gpu(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

    def _for_device(self) -> DeviceAugment | None:
        """Return the augmentation if it is the device's to do."""
        wanted = self.augment_on == "device" or (self.augment_on == "auto" and self._on_gpu())
        able = hasattr(self.augment, "apply_tensor")
        return cast("DeviceAugment", self.augment) if wanted and able else None

    def loader(
        self,
        split: str,
        *,
        train: bool = False,
        weights: npt.NDArray[np.float64] | None = None,
    ) -> DataLoader[Batch]:
        """Return the batches of one split; ``train`` shuffles and augments them."""
        rows = self.manifest.split(split)
        pending = self._for_device() if train else None
        grouped = train and self.group_by
        batches = CachedBatches(
            self.cache,
            rows["image_id"].tolist(),
            rows["patient_id"].tolist(),
            rows["label"].tolist(),
            augment=self.augment if train and pending is None else None,
            pending=pending,
            groups=groups_of(rows, self.group_by, "robust.by") if grouped else None,
            seed=self.seed,
        )
        sampler = BatchSampler(
            len(rows),
            self.batch_size if train else 2 * self.batch_size,
            shuffle=train,
            seed=self.seed,
            weights=weights,
            drop_last=train,
            by_rows=train,
            **_place(),
        )
        if train:
            sampler.go_on_after(*self._done)
        return DataLoader(
            batches,
            batch_size=None,
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
        )


def training_pixels(manifest: Manifest, cache: ImageCache) -> Iterator[Pixels]:
    """Yield the training images, N×H×W, some hundred at a time: a million need no more memory."""
    rows = cache.rows_of(manifest.split("train")["image_id"].tolist())
    for start in range(0, len(rows), 256):
        yield cache.take(rows[start : start + 256])


def sample_images(manifest: Manifest, cache: ImageCache, n: int = 64) -> Tensor:
    """Return up to ``n`` training images, N×1×H×W in [0, 1], spread evenly over the manifest."""
    rows = cache.rows_of(manifest.split("train")["image_id"].tolist())
    images = cache.take(rows[np.linspace(0, len(rows) - 1, min(n, len(rows))).astype(int)])
    pixels = images.astype(np.float32) / np.iinfo(images.dtype).max
    return torch.from_numpy(pixels)[:, None]


def _place() -> Mapping[str, Any]:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return {
            "rank": torch.distributed.get_rank(),
            "world": torch.distributed.get_world_size(),
        }
    return {}
