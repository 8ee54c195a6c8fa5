"""Lightning's trainer as a run needs it: precision, callbacks, checkpoints, loggers, interruptions."""

from __future__ import annotations

import logging
import os
import signal
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.types import STEP_OUTPUT

from medcnn.console import CONSOLE, say
from medcnn.data.datamodule import XrayDataModule, worker_count
from medcnn.errors import ConfigError, WeightsError
from medcnn.inference.loading import RECIPE, read_checkpoint, recipe
from medcnn.processes.voice import is_beside_others
from medcnn.run.directory import RunDir, atomic_path
from medcnn.run.journal import Journal
from medcnn.settings.reading import as_plain
from medcnn.training.callbacks.averaging import ExponentialAverage, StochasticAverage
from medcnn.training.callbacks.bar import EpochBar
from medcnn.training.callbacks.batch_statistics import PopulationStatistics
from medcnn.training.callbacks.beats import Beats
from medcnn.training.callbacks.curves import EpochLine, LearningCurves
from medcnn.training.callbacks.loss_valley import LossValley
from medcnn.training.settings import Settings, Trainer

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


def quieten() -> None:
    """Leave out what Lightning says of its environment: this file says it, shorter."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Its successor also leaves buffers alone before a batch, but is not in every torch that we take.
    warnings.filterwarnings("ignore", message=".*broadcast_buffers. is deprecated")
    warnings.filterwarnings("ignore", module=r"pytorch_lightning\.utilities\._pytree")
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    # Where a run goes on in the middle of an epoch, the data module does so too.
    warnings.filterwarnings("ignore", message=".*ended before the epoch ended")
    warnings.filterwarnings("ignore", message="Checkpoint directory .* is not empty")
    # What is logged is of all processes already.
    warnings.filterwarnings("ignore", message="It is recommended to use .*sync_dist=True")
    # Loggers are told each epoch, not each so many steps.
    warnings.filterwarnings("ignore", message="The number of training batches")


def build_trainer(
    settings: Settings,
    run: RunDir,
    journal: Journal,
    *more: pl.Callback,
    loggers: Sequence[Logger] = (),
) -> pl.Trainer:
    """Return Lightning's trainer with early stopping, best and last checkpoint, and progress."""
    options = trainer_options(settings.trainer) | _several(settings.trainer)
    watch = settings.callbacks
    mode = "max" if watch.monitor == "val_auroc" else "min"
    curves = LearningCurves(run.metrics)
    callbacks: list[pl.Callback] = [
        *more,
        curves,
        EpochLine(curves, say),
        EarlyStopping(
            watch.monitor,
            mode=mode,
            patience=watch.patience,
            min_delta=watch.min_delta,
            check_finite=True,
        ),
        RunCheckpoint(
            run.best_checkpoint.parent,
            filename=run.best_checkpoint.stem,
            monitor=watch.monitor,
            mode=mode,
            enable_version_counter=False,
        ),
        _last_checkpoint(run, every=None),
    ]
    if watch.save_every is not None:
        callbacks.append(_last_checkpoint(run, every=watch.save_every))
    if watch.ema is not None:
        callbacks.append(ExponentialAverage(watch.ema))
    if watch.swa is not None:
        callbacks.append(
            StochasticAverage(watch.swa, watch.bn_batches, dense=watch.swa_every == "step")
        )
    if watch.swad is not None:
        callbacks.append(LossValley(watch.swad, watch.swad_patience, watch.bn_batches))
    if watch.population_statistics:
        callbacks.append(PopulationStatistics())
    if is_beside_others():
        callbacks.append(Beats())
    elif CONSOLE.is_terminal:
        callbacks.append(EpochBar(CONSOLE))
    chosen = {
        "precision": options["precision"],
        "workers": worker_count(settings.data.num_workers),
        "device": _device_name(),
        "processes": device_count(settings.trainer),
    }
    journal.note(**chosen)
    say(
        "training on {device}, {precision}, threads: {threads}, loader processes: {workers}, "
        "at most {epochs} epochs".format(
            **chosen, threads=torch.get_num_threads(), epochs=options["max_epochs"]
        )
    )
    return pl.Trainer(
        **options,
        callbacks=callbacks,
        plugins=[WholeCheckpoints(run.best_checkpoint, recipe(settings))],
        logger=list(loggers) or False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=run.path,
    )


def trainer_options(trainer: Trainer) -> dict[str, Any]:
    """Return what Lightning's trainer takes of the group ``trainer``, on its first device."""
    ours = ("channels_last", "compile", "threads")
    options = {key: value for key, value in as_plain(trainer).items() if key not in ours}
    options["precision"] = choose_precision(trainer.precision, trainer.accelerator)
    options["devices"] = [trainer.devices[0]] if isinstance(trainer.devices, tuple) else 1
    batches = int(options.pop("fast_dev_run"))
    if batches:  # Lightning's own leaves no checkpoint, and so nothing to test and report
        options |= {"max_epochs": 1, "limit_train_batches": batches}
    return options


def device_count(trainer: Trainer) -> int:
    """Return how many devices train together."""
    if isinstance(trainer.devices, tuple):
        return len(trainer.devices)
    if isinstance(trainer.devices, int):
        return trainer.devices
    gpus = torch.cuda.device_count()
    return gpus if gpus and trainer.accelerator in ("auto", "gpu", "cuda") else 1


def _several(trainer: Trainer) -> dict[str, Any]:
    """Return the options for a process that is one of several; none where it is alone.

    The statistics of BatchNorm are the same in all of them (``SharedBatchNorm``), and validation
    takes batches in turn, so nothing is to be sent around before a batch.
    """
    count = device_count(trainer)
    if count == 1:
        return {}
    strategy = DDPStrategy(cluster_environment=LightningEnvironment(), broadcast_buffers=False)
    listed = isinstance(trainer.devices, tuple)
    return {"devices": as_plain(trainer.devices) if listed else count, "strategy": strategy}


def _last_checkpoint(run: RunDir, every: int | None) -> ModelCheckpoint:
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


def choose_precision(wanted: str, accelerator: str = "auto") -> str:
    """Return Lightning's name of the precision; ``auto`` is bf16 where the hardware multiplies it.

    Raises:
        ConfigError: If it is fp16 without a GPU, for which Lightning would take another one.
    """
    gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
    if wanted == "16-mixed" and (accelerator == "cpu" or not gpu):
        raise ConfigError(
            "trainer.precision=16-mixed needs a GPU.",
            expected="auto, bf16-mixed or 32-true on a CPU",
            found=f"trainer.accelerator={accelerator} on a machine with{'' if gpu else 'out'} a GPU",
        )
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available() and accelerator != "cpu":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    return "bf16-mixed" if torch.cpu._is_avx512_bf16_supported() else "32-true"


def go_through(
    trainer: pl.Trainer,
    task: pl.LightningModule,
    data: XrayDataModule,
    newest: Path | None = None,
) -> None:
    """Train to the end.

    Args:
        trainer: Lightning's.
        task: What trains.
        data: Its images.
        newest: The checkpoint to go on from, where it exists.

    Raises:
        KeyboardInterrupt: If the user stopped it, which Lightning answers by ending the process.
        WeightsError: If the checkpoint is no state of this training.
    """
    begun = newest if newest is not None and newest.is_file() else None
    if begun is not None:
        _check_state(begun, task)
    listening = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(task, datamodule=data, ckpt_path=begun)
    except SystemExit as stop:
        if trainer.interrupted or isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from stop
        raise
    finally:
        if threading.current_thread() is threading.main_thread():  # elsewhere Python refuses
            signal.signal(signal.SIGINT, listening)  # Lightning ignores it from an interruption on


def _check_state(path: Path, task: pl.LightningModule) -> None:
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


def _device_name() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU ({os.cpu_count()} cores)"
