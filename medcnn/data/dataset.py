"""Batches from the cache: one item is a whole batch, and everything drawn for it has a key.

The order of the data follows from (seed, epoch) and the augmentation of a batch from (seed, epoch,
step), so the same run gives the same batches whatever the number of workers, and a resumed run goes
on with the very batches it would have had.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, Sampler

from medcnn.data.batch import Batch
from medcnn.data.cache.images import ImageCache

Augment = Callable[[npt.NDArray[np.uint8], np.random.Generator], npt.NDArray[np.uint8]]


class DeviceAugment(Protocol):
    """An augmentation that draws its values apart from applying them, such as ``Augmentation``."""

    def draw(self, rng: np.random.Generator, n: int, size: tuple[int, int], /) -> Any:
        """Draw what happens to N images of a size, H and W."""

    def apply_tensor(self, image: torch.Tensor, /, parameters: Any) -> torch.Tensor:
        """Return the augmented images N×1×H×W, on their device."""


@dataclass(frozen=True)
class BatchRequest:
    """Which rows to fetch, and the key of what is drawn for them."""

    epoch: int
    step: int
    rows: npt.NDArray[np.int64]


class BatchSampler(Sampler[BatchRequest]):
    """Yields the batch requests of one epoch; Lightning calls ``set_epoch``.

    Args:
        n: Number of rows.
        batch_size: Rows a batch.
        shuffle: Whether the rows are permuted by (seed, epoch).
        seed: Seed of the permutation.
        weights: Sampling weight of each row; if given, rows are drawn with replacement.
        rank: This process's place among ``world`` ones, each of which gets every world-th batch.
        world: Number of processes.
        drop_last: Whether a last, smaller batch is left out (a batch of one breaks BatchNorm).
    """

    def __init__(
        self,
        n: int,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        weights: npt.NDArray[np.float64] | None = None,
        rank: int = 0,
        world: int = 1,
        drop_last: bool = False,
    ) -> None:
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.weights, self.rank, self.world, self.drop_last = weights, rank, world, drop_last
        self.epoch = 0
        self.done = (0, 0)

    def go_on_after(self, epoch: int, batches: int) -> None:
        """Leave out the batches of an epoch that were trained before the run was interrupted."""
        self.done = (epoch, batches)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration yields."""
        self.epoch = epoch

    def __len__(self) -> int:
        whole, rest = divmod(self.n, self.batch_size)
        batches = whole if (self.drop_last and whole) or not rest else whole + 1
        return (batches + self.world - 1) // self.world

    def __iter__(self) -> Iterator[BatchRequest]:
        order = self._order()
        batches = [
            order[start : start + self.batch_size] for start in range(0, self.n, self.batch_size)
        ]
        if self.drop_last and len(batches) > 1 and len(batches[-1]) < self.batch_size:
            batches.pop()
        # Every process has to take the same number of steps: the first batches are seen twice.
        batches += batches[: len(self) * self.world - len(batches)]
        done = self.done[1] if self.done[0] == self.epoch else 0
        for step, rows in enumerate(batches[self.rank :: self.world]):
            if step >= done:
                yield BatchRequest(self.epoch, step * self.world + self.rank, rows)

    def _order(self) -> npt.NDArray[np.int64]:
        if not self.shuffle:
            return np.arange(self.n, dtype=np.int64)
        rng = np.random.default_rng([self.seed, self.epoch])
        if self.weights is None:
            return rng.permutation(self.n).astype(np.int64)
        return rng.choice(self.n, size=self.n, p=self.weights / self.weights.sum()).astype(np.int64)


class CachedBatches(Dataset[Batch]):
    """Images of some rows of the cache, augmented and scaled to [0, 1].

    Args:
        cache: The decoded, resized images.
        image_ids: Identifier of each row, looked up in the cache.
        patient_ids: Patient of each row.
        labels: 0 normal, 1 abnormal, of each row.
        augment: What is done to the uint8 images (N×H×W) of a training batch; None: nothing.
        pending: What is to be done on the device instead, once the batch is there: its values are
            drawn here, under the same key.
        seed: Seed of the augmentation.
    """

    def __init__(
        self,
        cache: ImageCache,
        image_ids: Sequence[str],
        patient_ids: Sequence[str],
        labels: Sequence[int],
        *,
        augment: Augment | None = None,
        pending: DeviceAugment | None = None,
        seed: int = 0,
    ) -> None:
        self.cache, self.augment, self.pending, self.seed = cache, augment, pending, seed
        self.image_ids, self.patient_ids = list(image_ids), list(patient_ids)
        self.labels = np.asarray(labels, dtype=np.float32)
        self.rows = cache.rows_of(self.image_ids)

    def __len__(self) -> int:
        return len(self.image_ids)

    def __getitem__(self, request: BatchRequest) -> Batch:
        images = self.cache.take(self.rows[request.rows])
        rng = np.random.default_rng([self.seed, request.epoch, request.step])
        if self.augment is not None:
            images = self.augment(images, rng)
        scale = np.float32(1.0 / np.iinfo(images.dtype).max)
        pixels = torch.from_numpy(np.multiply(images, scale, dtype=np.float32))
        batch = Batch(
            image=pixels.unsqueeze(1),
            label=torch.from_numpy(self.labels[request.rows]),
            image_id=[self.image_ids[row] for row in request.rows],
            patient_id=[self.patient_ids[row] for row in request.rows],
        )
        if self.pending is not None:
            drawn = self.pending.draw(rng, len(images), (images.shape[1], images.shape[2]))
            # A dataclass in the batch would be taken apart on its way to the device.
            batch["pending"] = partial(self.pending.apply_tensor, parameters=drawn)
        return batch


def clean_images(loader: Any) -> Iterator[torch.Tensor]:
    """Yield the training images in batches of the training's size, N×1×H×W in [0, 1].

    They are in the order of the first epoch and as a test would see them: none is augmented, none is
    drawn twice, and a smaller last batch is left out.

    Args:
        loader: The training loader, or any other with a ``BatchSampler`` over ``CachedBatches``.
    """
    images = copy.copy(loader.dataset)
    images.augment = None
    own = loader.sampler
    order = BatchSampler(len(images), own.batch_size, shuffle=True, seed=own.seed, drop_last=True)
    for request in order:
        yield images[request]["image"]
