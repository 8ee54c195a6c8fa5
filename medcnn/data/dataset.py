"""Batches from the cache: one item is a whole batch, and everything drawn for it has a key.

The order of the data follows from (seed, epoch) and the augmentation of a batch from (seed, epoch,
step), so the same run gives the same batches whatever the number of workers, and a resumed run goes
on with the very batches it would have had.

Several processes that train one model divide every training batch by its rows: what is drawn for the
whole batch is drawn in each of them, and each keeps what is its own, so that an image meets the same
fate whatever their number. Validation batches stay whole and are taken in turn.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, Sampler

from medcnn.data.batch import Batch, unit_images
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
    """Which rows to fetch, and the key of what is drawn for them.

    Attributes:
        epoch: From 0.
        step: The batch's place in its epoch.
        rows: Of the whole batch.
        rank: Which part of them is fetched, of ``world`` parts.
        world: How many parts there are.
    """

    epoch: int
    step: int
    rows: npt.NDArray[np.int64]
    rank: int = 0
    world: int = 1

    @property
    def own(self) -> slice:
        """Where the part lies among the rows."""
        sizes = part_sizes(len(self.rows), self.world)
        start = sum(sizes[: self.rank])
        return slice(start, start + sizes[self.rank])


def part_sizes(n: int, world: int) -> list[int]:
    """Return how many of ``n`` rows each of so many processes takes, the first ones one more.

    >>> part_sizes(7, 3)
    [3, 2, 2]
    """
    return [n // world + (rank < n % world) for rank in range(world)]


class BatchSampler(Sampler[BatchRequest]):
    """Yields the batch requests of one epoch; Lightning calls ``set_epoch``.

    Args:
        n: Number of rows.
        batch_size: Rows a batch.
        shuffle: Whether the rows are permuted by (seed, epoch).
        seed: Seed of the permutation.
        weights: Sampling weight of each row; if given, rows are drawn with replacement.
        rank: This process's place among ``world`` ones.
        world: Number of processes.
        by_rows: Whether each process gets its rows of every batch; else every world-th batch, whole.
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
        by_rows: bool = False,
        drop_last: bool = False,
    ) -> None:
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.weights, self.drop_last = weights, drop_last
        self.rank, self.world, self.by_rows = rank, world, by_rows
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
        return batches if self.by_rows else (batches + self.world - 1) // self.world

    def __iter__(self) -> Iterator[BatchRequest]:
        order = self._order()
        batches = [
            order[start : start + self.batch_size] for start in range(0, self.n, self.batch_size)
        ]
        if self.drop_last and len(batches) > 1 and len(batches[-1]) < self.batch_size:
            batches.pop()
        done = self.done[1] if self.done[0] == self.epoch else 0
        if self.by_rows:
            for step, rows in enumerate(batches[done:], done):
                yield BatchRequest(self.epoch, step, rows, self.rank, self.world)
            return
        # Every process has to take the same number of steps: the first batches are seen twice.
        batches += batches[: len(self) * self.world - len(batches)]
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
        groups: Group of each row, from 0, where batches are to name it.
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
        groups: npt.NDArray[np.int64] | None = None,
        seed: int = 0,
    ) -> None:
        self.cache, self.augment, self.pending, self.seed = cache, augment, pending, seed
        self.image_ids, self.patient_ids = list(image_ids), list(patient_ids)
        self.labels = np.asarray(labels, dtype=np.float32)
        self.groups = groups
        self.rows = cache.rows_of(self.image_ids)

    def __len__(self) -> int:
        return len(self.image_ids)

    def __getitem__(self, request: BatchRequest) -> Batch:
        if request.world > 1 and self.augment and not hasattr(self.augment, "draw"):
            return self._cut(request)
        rows, whole = request.rows[request.own], len(request.rows)
        images = self.cache.take(self.rows[rows])
        rng = np.random.default_rng([self.seed, request.epoch, request.step])
        size = (images.shape[1], images.shape[2])
        if self.augment is not None and request.world > 1:
            divided = cast("Any", self.augment)  # which draws apart from applying, as above
            images = divided.apply(images, divided.draw(rng, whole, size).of(request.own))
        elif self.augment is not None:
            images = self.augment(images, rng)
        batch = Batch(
            image=unit_images(images),
            label=torch.from_numpy(self.labels[rows]),
            image_id=[self.image_ids[row] for row in rows],
            patient_id=[self.patient_ids[row] for row in rows],
        )
        if self.groups is not None:
            batch["group"] = torch.from_numpy(self.groups[rows])
        if request.world > 1:
            batch["whole"] = whole
        if self.pending is not None:
            drawn = self.pending.draw(rng, whole, size)
            if request.world > 1:
                drawn = drawn.of(request.own)
            # A dataclass in the batch would be taken apart on its way to the device.
            batch["pending"] = partial(self.pending.apply_tensor, parameters=drawn)
        return batch

    def _cut(self, request: BatchRequest) -> Batch:
        """Return a part of a batch that is augmented as a whole."""
        batch, own = self[replace(request, rank=0, world=1)], request.own
        part = Batch(
            image=batch["image"][own],
            label=batch["label"][own],
            image_id=batch["image_id"][own],
            patient_id=batch["patient_id"][own],
            whole=len(request.rows),
        )
        if "group" in batch:
            part["group"] = batch["group"][own]
        return part


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
