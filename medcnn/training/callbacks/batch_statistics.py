"""BatchNorm's population statistics while training: what is validated and kept has them."""

from __future__ import annotations

import pytorch_lightning as pl

from medcnn.data.dataset import clean_images
from medcnn.layers.batch_statistics import estimate_population_statistics


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
