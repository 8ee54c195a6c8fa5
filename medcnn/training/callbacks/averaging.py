"""Averages of the weights: what is validated and kept, while training goes on with its own weights.

A checkpoint holds the average under ``state_dict``, so whatever loads it gets the average, and the
training weights beside it, so that a resumed run continues exactly.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import STEP_OUTPUT
from torch import Tensor, nn

from medcnn.layers.batch_statistics import estimate_population_statistics

State = dict[str, Tensor]
TRAINING_WEIGHTS = "training_weights"
PREFIX = "network."


class WeightAverage(pl.Callback):
    """Validates and saves the average of the network's weights in their place.

    Subclasses say when the average takes in the current weights.
    """

    def __init__(self) -> None:
        self.average: State = {}
        self.updates = 0
        self._own: State = {}

    def begin(self, network: nn.Module) -> None:
        """Start the average at the current weights."""
        self.average = copy_of(network)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the average into the network."""
        if self.average and not trainer.sanity_checking:
            network = network_of(pl_module)
            self._own = copy_of(network)
            network.load_state_dict(self.average)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the training weights back."""
        if self._own:
            network_of(pl_module).load_state_dict(self._own)
            self._own = {}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save the average as the network's weights, and those of training beside it."""
        if self.average:
            checkpoint[TRAINING_WEIGHTS] = self._own or copy_of(network_of(pl_module))
            average = {PREFIX + name: value for name, value in self.average.items()}
            checkpoint["state_dict"] = checkpoint["state_dict"] | average

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Go on with the average and with the weights of training."""
        if TRAINING_WEIGHTS in checkpoint:
            network = network_of(pl_module)
            self.average = copy_of(network)
            network.load_state_dict(checkpoint[TRAINING_WEIGHTS])

    def state_dict(self) -> dict[str, Any]:
        """Return how often the average was updated."""
        return {"updates": self.updates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over how often the average was updated."""
        self.updates = int(state_dict["updates"])


class ExponentialAverage(WeightAverage):
    r"""Exponential moving average of the weights and of the BatchNorm statistics, at every step.

    .. math:: \bar w_t = d_t \bar w_{t-1} + (1 - d_t) w_t, \qquad
        d_t = \min(d, (1 + t) / (10 + t)) .

    The rising :math:`d_t` forgets the random start in a short training (Tan and Le 2019, section 5;
    TensorFlow's ExponentialMovingAverage).

    Args:
        decay: Weight of the past, in (0, 1).
    """

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the average, unless a checkpoint brought it, and bring it to the device."""
        if not self.average:
            self.begin(network_of(pl_module))
        self.average = {name: value.to(pl_module.device) for name, value in self.average.items()}

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """Take in the weights after an optimiser step."""
        if trainer.global_step > self.updates:
            self.updates = trainer.global_step
            self.take_in(network_of(pl_module))

    @torch.no_grad()
    def take_in(self, network: nn.Module) -> None:
        """Move the average towards the current weights."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        blend(self.average, network, 1 - decay)


class StochasticAverage(WeightAverage):
    """SWA: the mean of the weights at the ends of the last epochs (Izmailov 2018, arXiv:1803.05407).

    Of every step, it is the dense average of SWAD (Cha et al., NeurIPS 2021), which finds flatter
    minima that hold better elsewhere; where it begins is said here, and ``LossValley`` reads it from
    the validation loss. The average is a network that never saw a batch: its BatchNorm statistics are
    re-estimated on training batches each time.

    Args:
        start: Part of all epochs after which averaging begins, in [0, 1).
        bn_batches: Training batches that the statistics are estimated on.
        dense: Whether the weights of every step count, instead of those at the ends of epochs.
    """

    def __init__(self, start: float = 0.75, bn_batches: int = 32, *, dense: bool = False) -> None:
        super().__init__()
        self.start, self.bn_batches, self.dense = start, bn_batches, dense

    def _begun(self, trainer: pl.Trainer) -> bool:
        epochs = trainer.max_epochs or 1
        return not trainer.sanity_checking and trainer.current_epoch >= self.start * epochs

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Take in the weights after an optimiser step, if every step counts."""
        stepped = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if self.dense and self._begun(trainer) and (stepped or trainer.is_last_batch):
            self.take_in(network_of(pl_module))

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take in the epoch's last weights, then put the average into the network."""
        if not self._begun(trainer):
            return
        network = network_of(pl_module)
        if not self.dense:
            self.take_in(network)
        super().on_validation_start(trainer, pl_module)
        self._estimate_statistics(trainer, pl_module)
        self.average = copy_of(network)

    @torch.no_grad()
    def take_in(self, network: nn.Module) -> None:
        """Make the average the mean of itself and the current weights, by number of weights."""
        if not self.updates:
            self.begin(network)
        self.updates += 1
        blend(self.average, network, 1 / self.updates)

    def _estimate_statistics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        loader: Any = trainer.train_dataloader
        # Of several processes each passes whole batches, so that all find the same.
        whole = (replace(request, rank=0, world=1) for request in loader.sampler)
        batches = (loader.dataset[request] for request in whole)
        with trainer.precision_plugin.forward_context():
            estimate_population_statistics(
                pl_module,
                (
                    batch["image"].to(pl_module.device)
                    for batch in itertools.islice(batches, self.bn_batches)
                ),
            )


def network_of(task: pl.LightningModule) -> nn.Module:
    """Return the network of a task."""
    network = task.network
    if not isinstance(network, nn.Module):
        raise TypeError(f"the task's network is a {type(network).__name__}")
    return network


def blend(average: State, network: nn.Module, weight: float) -> None:
    """Move the average by ``weight`` of the way to the network's weights; counters are copied."""
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value.to(average[name]), weight)
        else:
            average[name].copy_(value)


def copy_of(network: nn.Module) -> State:
    """Return the weights and buffers of a network as they are now."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
