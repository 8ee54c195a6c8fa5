"""Fitting: a task from its configuration, trained, calibrated on validation, and predicted.

This is the part of a run that needs torch; ``medcnn.training.story`` imports it when the data
has proved sound.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch

from medcnn.augment.normalize import fit as fit_statistics
from medcnn.calibration import Calibrator, fit_calibrator
from medcnn.console import say
from medcnn.data.datamodule import XrayDataModule, sample_images, training_pixels
from medcnn.data.preparation import Prepared
from medcnn.data.sampling import positive_weight
from medcnn.evaluation.knobs import KnobResults
from medcnn.inference.loading import TrainedModel, calibrator_state, read_checkpoint
from medcnn.inference.out_of_distribution import watch
from medcnn.inference.predictor import predict_logits, with_probabilities
from medcnn.metrics.thresholds import Threshold, choose_threshold
from medcnn.models.freezing import frozen_prefix
from medcnn.models.prefix_memory import PrefixMemory
from medcnn.run.directory import RunDir, atomic_path
from medcnn.run.journal import Journal
from medcnn.training.regularizers import Penalty
from medcnn.training.settings import Optimizer, Settings
from medcnn.training.tasks.classification import XrayClassification
from medcnn.training.trainer import build_trainer, choose_precision, go_through, quieten


@dataclass(frozen=True)
class Fitted:
    """What fitting leaves for evaluation.

    Attributes:
        val: Predictions of validation.
        test: Predictions of test.
        threshold: The frozen operating point.
        temperature: Of the calibrator; 1 where it has none.
        calibrator: Logit to probability.
        knobs: What members, views and passes bought on test; empty for one model seen once.
    """

    val: pd.DataFrame
    test: pd.DataFrame
    threshold: Threshold
    temperature: float
    calibrator: Calibrator
    knobs: tuple[KnobResults, ...] = ()


def fit(settings: Settings, prepared: Prepared, run: RunDir, journal: Journal) -> Fitted:
    """Train one model, calibrate it and freeze its threshold on validation, and predict test."""
    data = build_datamodule(settings, prepared)
    task = train(settings, prepared, data, run, journal)
    with journal.stage("predict"):
        return complete(settings, task, data, run, take_best(task, run))


def complete(
    settings: Settings,
    model: XrayClassification | TrainedModel,
    data: XrayDataModule,
    run: RunDir,
    checkpoint: dict[str, Any],
) -> Fitted:
    """Calibrate a model, freeze its threshold, predict test, and write its ``best.ckpt``.

    Args:
        settings: The configuration.
        model: The network with the weights of ``checkpoint``.
        data: Its images.
        run: Where the checkpoint and the detector of foreign images go.
        checkpoint: What the checkpoint holds besides.
    """
    val, calibrator, threshold = calibrate(settings, model, data, run, checkpoint)
    test = with_probabilities(predict_logits(model, data.test_dataloader()), "test", calibrator)
    if settings.out_of_distribution is not None:
        val, test = flag_foreign(settings, model, data, run, calibrator, val, test)
    return Fitted(val, test, threshold, calibrator.temperature, calibrator)


def train(
    settings: Settings,
    prepared: Prepared,
    data: XrayDataModule,
    run: RunDir,
    journal: Journal,
    *callbacks: pl.Callback,
) -> XrayClassification:
    """Train a model, or go on with it, and return its task; the best epoch lies in ``run``."""
    quieten()
    pl.seed_everything(settings.seed, workers=True, verbose=False)
    task = build_task(settings, prepared, journal)
    if settings.trainer.compile:
        task.network.compile()
    trainer = build_trainer(settings, run, journal, *callbacks)
    with journal.stage("train"):
        go_through(trainer, task, data, run.last_checkpoint)
    return task


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
    for text in origin.warnings:
        journal.warn(text)
    journal.note(weights=origin.to_json(), pixel_mean=mean, pixel_std=std)
    policy = settings.transfer.build()
    say(f"transfer: {policy.setup(network, len(train), origin)}")
    optimizer = chosen_optimizer(settings)
    weighted = {}
    if settings.data.balance == "weights":
        weighted = {"positive_weight": positive_weight(train["label"].to_numpy())}
    augmentation = settings.augment.build()
    memory = None
    if frozen_prefix(network.backbone) and not augmentation.operators:
        memory = PrefixMemory()
        say("the frozen stages are computed once for each image, because none is augmented")
    return XrayClassification(
        network,
        loss=settings.loss.build(**weighted),
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
        mix=augmentation.mix,
        memory=memory,
        penalty=Penalty(**asdict(settings.penalty)),
        rates=dict(settings.optimizer.rates or {}),
        monitor=settings.callbacks.monitor,
    )


def chosen_optimizer(settings: Settings) -> Optimizer:
    """Return the optimiser with its own options: the factors on rates are the task's."""
    optimizer = settings.optimizer.without("rates")
    if optimizer.arguments.get("fused") != "auto":
        return optimizer
    precision = choose_precision(settings.trainer.precision, settings.trainer.accelerator)
    return optimizer.changed(fused=precision != "16-mixed")


def take_best(task: XrayClassification, run: RunDir) -> dict[str, Any]:
    """Give the task the weights of its best epoch, and return the checkpoint that holds them."""
    checkpoint = read_checkpoint(run.best_checkpoint)
    task.load_state_dict(checkpoint["state_dict"])
    return checkpoint


def calibrate(
    settings: Settings,
    model: XrayClassification | TrainedModel,
    data: XrayDataModule,
    run: RunDir,
    checkpoint: dict[str, Any],
) -> tuple[pd.DataFrame, Calibrator, Threshold]:
    """Fit the calibrator and the threshold on validation, and return its predictions with them.

    Both are written into ``best.ckpt``, which counts as finished from then on.
    """
    logits = predict_logits(model, data.val_dataloader())
    calibrator = fit_calibrator(settings.calibration, logits["logit"], logits["label"])
    val = with_probabilities(logits, "val", calibrator)
    threshold = choose_threshold(
        val["label"].to_numpy(), val["p_abnormal"].to_numpy(), settings.threshold
    )
    state = checkpoint["state_dict"]
    state["temperature"] = torch.tensor(calibrator.temperature, dtype=torch.float64)
    state["threshold"] = torch.tensor(threshold.value, dtype=torch.float64)
    checkpoint["calibrator"] = calibrator_state(calibrator)
    checkpoint["operating_point"] = asdict(threshold)
    with atomic_path(run.best_checkpoint) as temporary:
        torch.save(checkpoint, temporary)
    return val, calibrator, threshold


def flag_foreign(
    settings: Settings,
    model: Any,
    data: XrayDataModule,
    run: RunDir,
    calibrator: Calibrator,
    val: pd.DataFrame,
    test: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep what training images look like, and add the columns of foreign images to val and test."""
    detector, judged = watch(
        model,
        data,
        calibrator,
        str(settings.out_of_distribution),
        quantile=settings.ood_quantile,
        seed=settings.seed,
    )
    detector.save(run.out_of_distribution)
    return val.join(judged["val"]), test.join(judged["test"])
