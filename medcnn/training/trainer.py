"""Lightning's trainer as a run needs it: precision, callbacks, checkpoints, loggers, interruptions."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import Logger

from medcnn.console import CONSOLE, say
from medcnn.data.datamodule import XrayDataModule, worker_count
from medcnn.inference.loading import recipe
from medcnn.processes.voice import is_beside_others
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal
from medcnn.training.callbacks.averaging import ExponentialAverage, StochasticAverage
from medcnn.training.callbacks.bar import EpochBar
from medcnn.training.callbacks.batch_statistics import PopulationStatistics
from medcnn.training.callbacks.beats import Beats
from medcnn.training.callbacks.curves import EpochLine, LearningCurves
from medcnn.training.callbacks.loss_valley import LossValley
from medcnn.training.checkpoints import (
    EndKept,
    RunCheckpoint,
    WholeCheckpoints,
    check_state,
    last_checkpoint,
)
from medcnn.training.devices import device_count, device_name, several_options, trainer_options
from medcnn.training.settings import Settings


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
    several = several_options(settings.trainer)
    options = trainer_options(settings.trainer) | several
    # Lightning would take the words of SLURM for those of srun, which may have started nothing.
    alone = [] if several else [LightningEnvironment()]
    watch = settings.callbacks
    mode = "max" if watch.monitor == "val_auroc" else "min"
    curves = LearningCurves(run.metrics)
    callbacks: list[pl.Callback] = [
        *more,
        EndKept(),
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
        last_checkpoint(run, every=None),
    ]
    if watch.save_every is not None:
        callbacks.append(last_checkpoint(run, every=watch.save_every))
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
        "device": device_name(),
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
        plugins=[WholeCheckpoints(run.best_checkpoint, recipe(settings)), *alone],
        logger=list(loggers) or False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=run.path,
    )


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
        check_state(begun, task)
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
