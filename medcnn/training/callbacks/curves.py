"""Callbacks: the learning curves as a file, and a line an epoch where no bar can be drawn."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch

from medcnn.record.record import read_curves
from medcnn.run.directory import atomic_path

OWN: tuple[str, ...] = ("lr", "gradient_norm")
CURVES = ("train_loss", "val_loss", "train_auroc", "val_auroc", "penalty")


class LearningCurves(pl.Callback):
    """Writes ``metrics.csv``: one row an epoch, atomically, surviving a resume.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []
        self._started = time.perf_counter()
        self._largest: torch.Tensor | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the rows of the epochs before a resume."""
        if self.path.is_file():
            table = read_curves(self.path)
            table = table[table["epoch"] < trainer.current_epoch]
            names = [str(name) for name in table.columns]
            self.rows = [
                dict(zip(names, row, strict=True)) for row in table.itertuples(index=False)
            ]

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the epoch's clock."""
        self._started = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        """Keep the largest norm of the gradient, before it was clipped; not a number stays so."""
        norm = getattr(pl_module, "gradient_norm", None)
        if norm is not None:
            before = norm if self._largest is None else self._largest.to(norm.device)
            self._largest = torch.maximum(before, norm)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch's row and save the file."""
        largest, self._largest = self._largest, None
        if not trainer.is_global_zero:
            return
        logged = {name: float(value) for name, value in trainer.logged_metrics.items()}
        row: dict[str, float] = {"epoch": trainer.current_epoch, "step": trainer.global_step}
        row |= {name: logged[name] for name in CURVES if name in logged}
        if largest is not None:
            row["gradient_norm"] = float(largest)
        row["lr"] = float(trainer.optimizers[0].param_groups[0]["lr"])
        row["seconds"] = round(time.perf_counter() - self._started, 3)
        self.rows.append(row)
        for logger in trainer.loggers:  # the rest is logged where it is computed
            own = {name: row[name] for name in OWN if name in row}
            logger.log_metrics(own, step=trainer.global_step)
        with atomic_path(self.path) as temporary:
            pd.DataFrame(self.rows).to_csv(temporary, index=False)

    def state_dict(self) -> dict[str, Any]:
        """Return what an interrupted epoch has seen; whole epochs stand in the file."""
        return {"largest": None if self._largest is None else self._largest.detach().cpu()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with it."""
        self._largest = state_dict.get("largest")


class EpochLine(pl.Callback):
    """Prints one line an epoch through ``show``, for logs and terminals alike.

    Args:
        curves: Where the numbers come from; it has to run before this callback.
        show: Takes one line of text.
    """

    def __init__(self, curves: LearningCurves, show: Any) -> None:
        self.curves, self.show = curves, show

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the newest row."""
        if not trainer.is_global_zero or not self.curves.rows:
            return
        row = self.curves.rows[-1]
        numbers = "   ".join(
            f"{name.replace('_', ' ').replace('auroc', 'AUROC')} {row[name]:.4f}"
            for name in ("train_loss", "val_loss", "val_auroc")
            if name in row
        )
        self.show(
            f"epoch {trainer.current_epoch + 1:>3}/{trainer.max_epochs}   {numbers}   "
            f"{row['seconds']:.0f} s"
        )
