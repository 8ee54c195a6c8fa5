"""How far a training has come, told to the process that shows it beside others."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from medcnn.processes.voice import tell

STEPS = 100
"""How often it is told in the whole training, at most."""


class Beats(pl.Callback):
    """Tells the batches that are done, of those of all epochs."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """Tell now and then, and at the end of each epoch."""
        batches, epochs = int(trainer.num_training_batches), max(int(trainer.max_epochs or 1), 1)
        total = batches * epochs
        done = trainer.current_epoch * batches + int(trainer.fit_loop.batch_idx) + 1
        if done % max(total // STEPS, 1) == 0 or trainer.is_last_batch:
            tell(done, total, f"epoch {trainer.current_epoch + 1}/{epochs}")
