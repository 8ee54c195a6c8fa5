"""The checkpoints of a run: whole or absent, of plain values, and known where the run was moved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.utilities.types import STEP_OUTPUT

from medcnn.errors import WeightsError
from medcnn.inference.loading import RECIPE, read_checkpoint
from medcnn.run.directory import RunDir, atomic_path

OF_WEIGHTS = ("state_dict", "epoch", "global_step", "pytorch-lightning_version")
"""What of Lightning's checkpoint the weights need beside them."""


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that are whole or absent, whatever happens while they are written.

    Lightning writes them in the system's folder of temporary files and moves them: where that is
    another file system, a run that is killed, or whose disk is full, is left with half of one.

    Args:
        best: The checkpoint of weights alone; the state of training stands in the others.
        recipe: How the network of the weights is rebuilt.
    """

    def __init__(self, best: Path, recipe: Mapping[str, object]) -> None:
        super().__init__()
        self.best, self.recipe = best, recipe

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write beside the place and rename."""
        if Path(path) == self.best:
            kept = {name: checkpoint[name] for name in OF_WEIGHTS}
            checkpoint = kept | {RECIPE: dict(self.recipe)}
        with atomic_path(Path(path)) as temporary:
            torch.save(checkpoint, temporary)

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read plain values and tensors; a damaged file is told in words."""
        return read_newest(Path(path))


def read_newest(path: Path) -> dict[str, Any]:
    """Return the state in a checkpoint that a training goes on from.

    Raises:
        WeightsError: If it is damaged, or holds more than plain values.
    """
    try:
        return dict(read_checkpoint(path))
    except WeightsError as error:
        raise WeightsError(
            error.problem,
            expected=error.expected,
            found=error.found,
            remedy="restore it, or delete it: resume= then trains from the beginning",
        ) from error


class RunCheckpoint(ModelCheckpoint):
    """Lightning's keeper of checkpoints, which still knows the best when the run has been moved.

    Lightning forgets its score where the folder is another, and the next epoch would replace
    ``best.ckpt``, however bad it is.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the scores, and look for the files where the run lies now."""
        before, here = str(state_dict["dirpath"]), str(self.dirpath)
        paths = {
            name: str(state_dict[name]).replace(before, here, 1)
            for name in ("best_model_path", "kth_best_model_path", "last_model_path")
        }
        best = {
            path.replace(before, here, 1): score
            for path, score in state_dict["best_k_models"].items()
        }
        super().load_state_dict({**state_dict, **paths, "best_k_models": best, "dirpath": here})


class StepCheckpoint(RunCheckpoint):
    """Keeps the state within an epoch; that at its end is kept behind the validation.

    From a state in which all batches are done, Lightning goes on with the next epoch: that epoch
    would have no validation, no row in the curves, and no chance to be the best.
    """

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save after every so many steps, unless the epoch is at its end."""
        if not trainer.is_last_batch:
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)


class EndKept(pl.Callback):
    """Keeps that a training ended before its last epoch: what is resumed after it trains no more.

    Lightning forgets it, and patience would be looked at again only after one more epoch.
    """

    def __init__(self) -> None:
        self.ended = False

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, object]
    ) -> None:
        """Save whether this is the end."""
        checkpoint["ended"] = bool(trainer.should_stop)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, object]
    ) -> None:
        """Take it over."""
        self.ended = bool(checkpoint.get("ended"))

    def on_train_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """End before the first batch."""
        trainer.should_stop |= self.ended


def last_checkpoint(run: RunDir, every: int | None) -> ModelCheckpoint:
    """Return what keeps the newest state: a run that is killed while training goes on from it.

    Args:
        run: Where it lies.
        every: After how many steps; None: after each epoch.
    """
    return (StepCheckpoint if every else RunCheckpoint)(
        run.last_checkpoint.parent,
        filename=run.last_checkpoint.stem,
        monitor=None,
        save_top_k=1,
        every_n_train_steps=every,
        every_n_epochs=None if every else 1,
        save_on_train_epoch_end=not every,
        enable_version_counter=False,
    )


def check_state(path: Path, task: pl.LightningModule) -> None:
    """Refuse a checkpoint that is no state of a training of this very network."""
    content = read_newest(path)
    state = content["state_dict"]
    ours = {name: tuple(value.shape) for name, value in task.named_parameters()}
    theirs = {name: tuple(getattr(state[name], "shape", ())) for name in ours if name in state}
    absent = [name for name in ("loops", "callbacks", "optimizer_states") if name not in content]
    other = [name for name, shape in ours.items() if theirs.get(name) != shape]
    if absent or other:
        found = ", ".join(absent) or f"{other[0]} {theirs.get(other[0], 'absent')}"
        raise WeightsError(
            f"{path} is no state of this training.",
            expected=f"{other[0]} {ours[other[0]]}" if other else "weights, optimiser and progress",
            found=f"no {found}" if absent else found,
            remedy="restore it, or delete it: resume= then trains from the beginning",
        )
