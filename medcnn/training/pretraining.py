"""Pre-training without labels: an autoencoder, and the encoder that ``model.weights=RUN_DIR`` loads."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytorch_lightning as pl
import torch
from scipy.stats import bootstrap

from medcnn.augment.normalize import fit as fit_statistics
from medcnn.console import say
from medcnn.data.datamodule import XrayDataModule, training_pixels
from medcnn.data.preparation import Prepared
from medcnn.inference.loading import read_checkpoint
from medcnn.metrics.estimate import Estimate
from medcnn.models.conv_autoencoder import build_autoencoder
from medcnn.run.directory import RunDir, atomic_path
from medcnn.run.journal import Journal
from medcnn.training.fitting import build_datamodule, chosen_optimizer
from medcnn.training.loggers import opened
from medcnn.training.settings import Settings
from medcnn.training.tasks.reconstruction import XrayReconstruction
from medcnn.training.trainer import build_trainer, go_through, quieten


def pretrain(
    settings: Settings, prepared: Prepared, run: RunDir, journal: Journal
) -> dict[str, Any]:
    """Train the autoencoder and return what it reaches on validation; labels are never read.

    Leaves ``checkpoints/best.ckpt``, whose encoder any classifier of the same backbone can start
    from, and ``figures/reconstruction.png``.
    """
    quieten()
    pl.seed_everything(settings.seed, workers=True, verbose=False)
    data = build_datamodule(settings, prepared)
    grey = fit_statistics(training_pixels(prepared.manifest, prepared.cache))
    task = XrayReconstruction(
        build_autoencoder(settings.model, **asdict(settings.autoencoder)),
        optimizer=chosen_optimizer(settings).build(_partial_=True),
        schedule=settings.scheduler.build(),
        pixel_mean=grey.mean,
        pixel_std=grey.std,
        seed=settings.seed,
        normalization=settings.data.normalize,
        pixel_shares=grey.cumulative if settings.data.normalize == "histogram" else None,
    )
    journal.note(pixel_mean=grey.mean, pixel_std=grey.std)
    with opened(settings, run) as loggers, journal.stage("train"):
        trainer = build_trainer(settings, run, journal, loggers=loggers)
        go_through(trainer, task, data, run.last_checkpoint)
    task.load_state_dict(read_checkpoint(run.best_checkpoint)["state_dict"])
    return _judge(task, data, run, settings)


@torch.inference_mode()
def _judge(
    task: XrayReconstruction, data: XrayDataModule, run: RunDir, settings: Settings
) -> dict[str, Any]:
    task.eval()
    errors, blanks = [], []
    for index, batch in enumerate(data.val_dataloader()):
        of_each, _ = task.errors(batch, [1, 0, index])
        errors.append(of_each.numpy())
        clean = task.normalize(batch["image"])
        blanks.append(clean.square().flatten(1).mean(1).numpy())
        if index == 0:
            _draw(task, clean[:6], run)
    estimate = _mean(np.concatenate(errors), settings.seed)
    baseline = _mean(np.concatenate(blanks), settings.seed)
    say(f"reconstruction error {estimate.value:.4f} on validation, blank {baseline.value:.4f}")
    return {
        "task": "autoencoder",
        "split": "val",
        "n": int(sum(map(len, errors))),
        "reconstruction_error": estimate.to_json(),
        "error_of_the_mean_image": baseline.to_json(),
        "corruption": asdict(settings.autoencoder),
    }


def _mean(values: np.ndarray, seed: int) -> Estimate:
    """Return the mean with its BCa interval."""
    rng = np.random.default_rng(seed)
    found = bootstrap((values,), np.mean, n_resamples=2000, batch=100, rng=rng)
    low, high = found.confidence_interval
    return Estimate(float(values.mean()), (float(low), float(high)), "bootstrap-bca")


def _draw(task: XrayReconstruction, clean: torch.Tensor, run: RunDir) -> None:
    dirty, _ = task.network.corrupt(clean, torch.Generator().manual_seed(0))
    rows = {"image": clean, "seen": dirty, "recreated": task.network(dirty)}
    figure, axes = plt.subplots(
        len(rows), len(clean), figsize=(1.6 * len(clean), 5.2), squeeze=False, layout="constrained"
    )
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis, image in zip(line, images, strict=True):
            axis.imshow(image[0], cmap="gray", vmin=-2.5, vmax=2.5)
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(name)
    with atomic_path(run.figures / "reconstruction.png") as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)
