"""SWAD: the mean of the weights of all steps within the valley of the validation loss.

Cha et al., SWAD: domain generalization by seeking flat minima, NeurIPS 2021, arXiv:2102.08604,
algorithm 1. The loss is looked at after each epoch, and an epoch's steps belong to the valley or not.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn

from medcnn.data.dataset import BatchSampler
from medcnn.errors import MedcnnWarning
from medcnn.notices import Notice
from medcnn.training.callbacks.averaging import State, StochasticAverage, blend, copy_of


@dataclass
class Segment:
    """The mean of the weights of ``steps`` steps, and the validation loss of the last of them."""

    mean: State
    steps: int
    loss: float = float("nan")

    def joined(self, other: Segment) -> Segment:
        """Return the mean of both, with the counters and the loss of the later one."""
        steps = self.steps + other.steps
        mean = {
            name: torch.lerp(self.mean[name].to(value), value, other.steps / steps)
            if value.is_floating_point()
            else value
            for name, value in other.mean.items()
        }
        return Segment(mean, steps, other.loss)


class LossValley(StochasticAverage):
    """Averages from where the loss has not fallen for some epochs to where it has risen for some.

    The valley begins with the first epoch that is the best of ``patience[0]``, and reaches to before
    ``patience[1]`` epochs that are all worse than ``tolerance`` times the mean loss of those first
    ones; then training ends. Until it begins the weights of training are validated and kept, from
    then on the mean so far. The loss that decides is that of the weights of training.

    Args:
        tolerance: r, above 1.
        patience: N_s and N_e, in epochs.
        bn_batches: Training batches that BatchNorm's statistics are estimated on.
    """

    def __init__(
        self, tolerance: float = 1.3, patience: Sequence[int] = (3, 6), bn_batches: int = 32
    ) -> None:
        super().__init__(0.0, bn_batches, dense=True)
        self.tolerance, self.patience = tolerance, tuple(patience)
        self.limit: float | None = None
        self.segments: list[Segment] = []
        self._running: Segment | None = None

    @torch.no_grad()
    def take_in(self, network: nn.Module) -> None:
        """Let the epoch's mean take in the weights after a step."""
        self._running = self._running or Segment(copy_of(network), 0)
        self._running.steps += 1
        blend(self._running.mean, network, 1 / self._running.steps)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Close the epoch, and put the mean over the valley into the network, if it has begun."""
        if trainer.sanity_checking or self._running is None:
            return
        self._running.loss = loss_of(trainer, pl_module)
        trainer.should_stop |= self.close(self._running)
        self._running = None
        if self.limit is None:
            return
        self.average = self.valley().mean
        super().on_validation_start(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Say where there was nothing to average."""
        if self.limit is None:
            notice = Notice("no_valley", epochs=trainer.current_epoch)
            warnings.warn(MedcnnWarning(notice), stacklevel=2)

    def close(self, segment: Segment) -> bool:
        """Take in an epoch, and return whether the valley has ended before it."""
        first, last = self.patience
        self.segments.append(segment)
        if self.limit is None:
            self.segments = self.segments[-first:]
            losses = [each.loss for each in self.segments]
            if len(losses) == first and losses[0] == min(losses):
                self.limit = self.tolerance * float(np.mean(losses))
            return False
        if len(self.segments) > last and min(s.loss for s in self.segments[-last:]) > self.limit:
            del self.segments[-last:]
            return True
        if len(self.segments) > last + 1:
            self.segments[:2] = [self.segments[0].joined(self.segments[1])]
        return False

    def valley(self) -> Segment:
        """Return the mean over what belongs to the valley so far."""
        found = self.segments[0]
        for segment in self.segments[1:]:
            found = found.joined(segment)
        return found

    def state_dict(self) -> dict[str, Any]:
        """Return the epochs that may still fall out of the valley, and the one that runs."""
        running = None if self._running is None else astuple(self._running)
        segments = [astuple(each) for each in self.segments]
        return {**super().state_dict(), "limit": self.limit, "segments": segments, "now": running}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with them."""
        super().load_state_dict(state_dict)
        self.limit = state_dict["limit"]
        self.segments = [Segment(*each) for each in state_dict["segments"]]
        self._running = None if state_dict["now"] is None else Segment(*state_dict["now"])


@torch.no_grad()
def loss_of(trainer: pl.Trainer, task: Any) -> float:
    """Return the validation loss of the network as it is: each process looks at all images."""
    loader: Any = trainer.val_dataloaders
    images, total = loader.dataset, 0.0
    with trainer.precision_plugin.forward_context():
        for request in BatchSampler(len(images), loader.sampler.batch_size):
            batch = images[request]
            label = batch["label"].to(task.device)
            logit = task(batch["image"].to(task.device)).float()
            total += float(task.loss(logit, label)) * len(label)
    return total / len(images)
