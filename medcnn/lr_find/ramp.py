"""The range test itself: a training with the settings of ``train``, at a rate that rises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytorch_lightning as pl

from medcnn.data.preparation import Prepared
from medcnn.lr_find.settings import RangeTest
from medcnn.lr_find.suggestion import Array
from medcnn.run.journal import Journal
from medcnn.training.devices import trainer_options
from medcnn.training.fitting import build_datamodule, build_task
from medcnn.training.tasks.faults import DivergenceError
from medcnn.training.threads import working_threads
from medcnn.training.trainer import go_through, quieten

EXPLODED = 4.0
"""The test ends when the running loss is this many times its best: the usual choice since fastai."""
OF_TRAINER = (
    "accelerator",
    "devices",
    "precision",
    "gradient_clip_val",
    "accumulate_grad_batches",
    "deterministic",
)
"""What the test takes from the trainer of a training: not its length, layout and compilation."""


@dataclass(frozen=True)
class Ramp:
    """A schedule that rises by the same factor at every step.

    Args:
        ratio: The last rate over the first.
    """

    ratio: float

    def factor(self, step: int, total: int) -> float:
        """Return the factor on the first rate at ``step`` of ``total``.

        >>> round(Ramp(1e4).factor(50, 101), 9)
        100.0
        """
        return float(self.ratio ** (step / max(total - 1, 1)))


class RangeRecorder(pl.Callback):
    """Keeps rate and loss of every optimiser step, and ends the test when the loss explodes."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.exploded: float | None = None
        self._running = 0.0
        self._best = float("inf")
        self._rate = 0.0
        self._batches: list[float] = []

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """Note the rate before the schedule moves it."""
        self._rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Note the loss; accumulated batches are one step."""
        loss = outputs["loss"] if isinstance(outputs, Mapping) else outputs
        self._batches.append(float(loss.detach()))
        if trainer.global_step == len(self.losses):
            return
        value = float(np.mean(self._batches)) * trainer.accumulate_grad_batches
        self._batches = []
        self.rates.append(self._rate)
        self.losses.append(value)
        weight = min(len(self.losses), 5)
        self._running += (value - self._running) / weight
        if len(self.losses) > 5:
            self._best = min(self._best, self._running)
        if not np.isfinite(value) or self._running > EXPLODED * self._best:
            self.exploded = self._rate
            trainer.should_stop = True


def run_range_test(
    settings: RangeTest, prepared: Prepared, journal: Journal
) -> tuple[Array, Array, float | None]:
    """Train with a rate that rises from the lowest to the highest, step by step.

    Everything but the rate is as in a training: model, weights, loss, optimiser, augmentation,
    clipping, accumulation and precision. Validation and test images are not looked at.

    Returns:
        The rates, the losses at them, and the rate at which the loss exploded, or None.
    """
    quieten()
    pl.seed_everything(settings.seed, workers=True, verbose=False)
    lowest = settings.lowest
    changed = replace(settings, optimizer=settings.optimizer.changed(lr=lowest))
    data = build_datamodule(changed, prepared)
    task = build_task(changed, prepared, journal)
    task.schedule = Ramp(settings.highest / lowest)
    recorder = RangeRecorder()
    trainer = _trainer(changed, recorder)
    with journal.stage("train"), working_threads(settings, journal):
        try:
            go_through(trainer, task, data)
        except DivergenceError:
            recorder.exploded = recorder._rate
    rates, losses = np.array(recorder.rates), np.array(recorder.losses)
    usable = np.isfinite(losses)
    return rates[usable], losses[usable], recorder.exploded


def _trainer(settings: RangeTest, recorder: RangeRecorder) -> pl.Trainer:
    options = trainer_options(settings.trainer)
    return pl.Trainer(
        **{key: options[key] for key in OF_TRAINER},
        max_steps=settings.steps,
        max_epochs=-1,
        limit_val_batches=0,
        callbacks=[recorder],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
