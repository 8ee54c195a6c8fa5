"""BatchNorm's population statistics while training: what is validated and kept has them.

Dimensions: N images, one channel, H×W pixels.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from medcnn.data.dataset import BatchSampler
from medcnn.layers.population import estimate_population_statistics


class PopulationStatistics(pl.Callback):
    """Re-estimates BatchNorm's statistics over the training set before every validation.

    The moving average of training is of a network that changed from step to step, and lags behind
    it: at the end of an epoch of few steps it may be far from what the network sees. This costs one
    forward pass over the training images an epoch. Training itself stays what it was, to the bit,
    because it normalises by its batches.

    With several processes each passes all the images, so that all find the same statistics.
    """

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the population statistics into the network."""
        if trainer.sanity_checking or trainer.train_dataloader is None:
            return
        images = (image.to(pl_module.device) for image in clean_images(trainer.train_dataloader))
        with trainer.precision_plugin.forward_context():
            estimate_population_statistics(pl_module, images)


def clean_images(loader: Any) -> Iterator[Tensor]:
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
