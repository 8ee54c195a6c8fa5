"""Snapshots of one training at the end of each cycle of its learning rate.

Huang et al., Snapshot ensembles: train 1, get M for free, ICLR 2017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from medcnn.errors import ConfigError
from medcnn.inference.loading import RECIPE
from medcnn.run.directory import atomic_path
from medcnn.training.optimizers.schedules import Cosine


class Snapshots(pl.Callback):
    """Keeps the weights at the end of each cycle, each in a file of its own.

    Args:
        schedule: A cosine with as many cycles as there are files.
        paths: The files.
        recipe: How the network of the weights is rebuilt.

    Raises:
        ConfigError: If the numbers differ.
    """

    def __init__(
        self, schedule: Cosine, paths: Sequence[Path], recipe: Mapping[str, object]
    ) -> None:
        cycles = getattr(schedule, "cycles", 1)
        if cycles != len(paths):
            raise ConfigError(
                "A snapshot is taken at the end of each cycle of the learning rate.",
                expected=f"scheduler=cosine scheduler.cycles={len(paths)}",
                found=f"{type(schedule).__name__} with {cycles} cycle" + "s" * (cycles > 1),
                remedy="or give ensemble.kind=seeds",
            )
        self.schedule, self.paths, self.recipe = schedule, list(paths), dict(recipe)
        self._due: dict[int, Path] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Find the optimiser step that ends each cycle."""
        ends = self.schedule.cycle_ends(int(trainer.estimated_stepping_batches))
        self._due = dict(zip(ends, self.paths, strict=True))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """Save where a cycle ends; a step that was saved before a resume is not saved again."""
        path = self._due.get(trainer.global_step)
        if path is None or path.is_file() or not trainer.is_global_zero:
            return
        state = {name: value.detach().cpu() for name, value in pl_module.state_dict().items()}
        checkpoint = {
            "state_dict": state,
            "epoch": trainer.current_epoch,
            "global_step": trainer.global_step,
            RECIPE: self.recipe,
        }
        with atomic_path(path) as temporary:
            torch.save(checkpoint, temporary)
