"""A bar for the batches of the epoch under way, on the terminal that the lines of epochs go to."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from rich.console import Console

from medcnn.console import progress_bars


class EpochBar(pl.Callback):
    """Counts the batches of an epoch, those of validation included, from 1.

    Lightning's own bar draws on a console of its own, so that what is printed meanwhile begins at
    the bar's end and breaks in the middle of a word.

    Args:
        console: Where everything else is printed too; lines appear above the bar.
    """

    def __init__(self, console: Console) -> None:
        self.bar = progress_bars(console)
        self._task = self.bar.add_task("", total=None)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start over at the epoch's first batch."""
        if not trainer.is_global_zero:
            return
        last = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
        batches = int(trainer.num_training_batches) + sum(map(int, trainer.num_val_batches))
        self.bar.reset(
            self._task, total=batches, description=f"epoch {trainer.current_epoch + 1}{last}"
        )
        self.bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """Show that this batch is done; a run that goes on mid-epoch starts where it was."""
        self.bar.update(self._task, completed=int(trainer.fit_loop.batch_idx) + 1)

    def on_validation_batch_end(self, *_: Any) -> None:
        """Show that this batch of validation is done."""
        self.bar.advance(self._task)

    def on_train_end(self, *_: Any) -> None:
        """Take the bar away."""
        self.bar.stop()

    def on_exception(self, *_: Any) -> None:
        """Take the bar away before anything is said of the end."""
        self.bar.stop()
