"""Fitting: a task from its configuration, trained.

This is the part of a run that needs torch; ``medcnn.training.story`` imports it when the data
has proved sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytorch_lightning as pl

from medcnn.augment.normalize import fit as fit_statistics
from medcnn.console import say, warn
from medcnn.data.datamodule import XrayDataModule, sample_images, training_pixels
from medcnn.data.preparation import Prepared
from medcnn.data.sampling import groups_of, positive_weight
from medcnn.layers.shared_batch_norm import share_statistics
from medcnn.losses.objective import Objective
from medcnn.losses.robust import GroupRobust
from medcnn.models.freezing import frozen_prefix
from medcnn.models.prefix_memory import PrefixMemory
from medcnn.notices import Notice
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal, Notes
from medcnn.training.devices import choose_precision, device_count
from medcnn.training.loggers import opened
from medcnn.training.mixstyle import MixStyle
from medcnn.training.ranks import together
from medcnn.training.regularizers import Penalty
from medcnn.training.settings import Optimizer, Settings, settings_of
from medcnn.training.tasks.classification import XrayClassification
from medcnn.training.threads import on_cpu
from medcnn.training.trainer import build_trainer, go_through, quieten


def train(
    settings: Settings,
    prepared: Prepared,
    data: XrayDataModule,
    run: RunDir,
    journal: Journal,
    *callbacks: pl.Callback,
) -> None:
    """Train a model, or go on with it; the best epoch lies in ``run``.

    On several devices only this is done by several processes, one for each, which share a disk.
    """
    count = device_count(settings.trainer)
    if count == 1:
        _train(settings, prepared, data, run, journal, *callbacks)
        return
    images = replace(prepared, audit=None)
    say(f"{count} processes train together, each with its part of every batch")
    needed = (run.path, images.cache.folder)
    journal.adopt(together(_train_part, (settings, images, run, callbacks), count, needed))


def _train_part(
    settings: Settings, prepared: Prepared, run: RunDir, callbacks: Sequence[pl.Callback]
) -> Notes:
    """Train in one of several processes, and return what it has to note."""
    notes = Notes(echo=warn)
    _train(settings, prepared, build_datamodule(settings, prepared), run, notes, *callbacks)
    return notes


def _train(
    settings: Settings,
    prepared: Prepared,
    data: XrayDataModule,
    run: RunDir,
    journal: Journal,
    *callbacks: pl.Callback,
) -> None:
    quieten()
    pl.seed_everything(settings.seed, workers=True, verbose=False)
    task = build_task(settings, prepared, journal)
    if device_count(settings.trainer) > 1:
        share_statistics(task.network, on_gpu=not on_cpu(settings.trainer))
    if settings.trainer.compile:
        task.network.compile()
    with opened(settings, run) as loggers:
        trainer = build_trainer(settings, run, journal, *callbacks, loggers=loggers)
        with journal.stage("train"):
            go_through(trainer, task, data, run.last_checkpoint)


def build_datamodule(settings: Settings, prepared: Prepared) -> XrayDataModule:
    """Return the loaders over the prepared data."""
    data = settings.data
    return XrayDataModule(
        prepared.manifest,
        prepared.cache,
        augment=settings.augment.build(),
        batch_size=data.batch_size,
        num_workers=data.num_workers,
        augment_on=data.augment_on,
        balance=data.balance,
        balance_by=data.balance_by,
        group_by=settings.robust.by,
        seed=settings.seed,
    )


def build_task(settings: Settings, prepared: Prepared, journal: Journal) -> XrayClassification:
    """Return the task that a configuration describes, with what it knows of the training data."""
    train = prepared.manifest.split("train")
    grey = fit_statistics(training_pixels(prepared.manifest, prepared.cache))
    mean, std = grey.mean, grey.std
    shares = grey.cumulative if settings.data.normalize == "histogram" else None
    with journal.stage("model"):
        network = settings.model.build()
        network.meet_data(mean, std, partial(sample_images, prepared.manifest, prepared.cache))
    origin = network.weights_origin
    for text in (*origin.warnings, *unlike_origin(settings)):
        journal.warn(text)
    journal.note(weights=origin.to_json(), pixel_mean=mean, pixel_std=std)
    policy = settings.transfer.build()
    say(f"transfer: {policy.setup(network, len(train), origin)}")
    optimizer = chosen_optimizer(settings)
    augmentation = settings.augment.build()
    memory, style = None, None
    if settings.mixstyle.p:
        style = MixStyle(**asdict(settings.mixstyle))
        style.attach(network.backbone)
    if frozen_prefix(network.backbone) and not (augmentation.operators or style):
        memory = PrefixMemory()
        say("the frozen stages are computed once for each image, because none is augmented")
    return XrayClassification(
        network,
        loss=_objective(settings, train),
        optimizer=optimizer.build(_partial_=True),
        schedule=settings.scheduler.build(),
        transfer=policy,
        lr=optimizer.lr,
        weight_decay=optimizer.weight_decay,
        pixel_mean=mean,
        pixel_std=std,
        normalization=settings.data.normalize,
        pixel_shares=shares,
        seed=settings.seed,
        channels_last=settings.trainer.channels_last,
        mix=augmentation.mix if augmentation.mixes else None,
        memory=memory,
        style=style,
        penalty=Penalty(**asdict(settings.penalty)),
        rates=dict(settings.optimizer.rates or {}),
        monitor=settings.callbacks.monitor,
    )


def unlike_origin(settings: Settings) -> Iterator[Notice]:
    """Yield what to say where weights are of a run whose images were normalised otherwise."""
    path = Path(settings.model.weights)
    if RunDir(path).config.is_file():
        theirs, ours = settings_of(RunDir(path)).data.normalize, settings.data.normalize
        if theirs != ours:
            yield Notice("normalized_otherwise", source=str(path), theirs=theirs, ours=ours)


def _objective(settings: Settings, train: pd.DataFrame) -> Objective | GroupRobust:
    """Return what is minimised, with what it knows of the training images."""
    weighted = {}
    if settings.data.balance == "weights":
        weighted = {"positive_weight": positive_weight(train["label"].to_numpy())}
    loss: Objective = settings.loss.build(**weighted)
    robust = settings.robust
    if not robust.by:
        return loss
    sizes = np.bincount(groups_of(train, robust.by, "robust.by")).tolist()
    return GroupRobust(loss, sizes, step=robust.step, adjustment=robust.adjustment)


def chosen_optimizer(settings: Settings) -> Optimizer:
    """Return the optimiser with its own options: the factors on rates are the task's."""
    optimizer = settings.optimizer.without("rates")
    if optimizer.arguments.get("fused") != "auto":
        return optimizer
    precision = choose_precision(settings.trainer.precision, settings.trainer.accelerator)
    return optimizer.changed(fused=precision != "16-mixed")
