"""Training in several processes, each with a part of every batch."""

from __future__ import annotations

import pytorch_lightning as pl
from pytorch_lightning.strategies import DDPStrategy


def share_thawed(trainer: pl.Trainer) -> None:
    """Let all processes average the gradients of parameters that train from now on.

    ``DistributedDataParallel`` averages those that took a gradient when it was made. What is thawed
    later would train in each process on its own images alone, and the copies would drift apart.
    """
    if isinstance(trainer.strategy, DDPStrategy):
        trainer.strategy.model = trainer.lightning_module
        trainer.strategy.configure_ddp()
