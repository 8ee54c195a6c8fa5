"""BatchNorm's population statistics of a run that is trained already."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from medcnn.data.datamodule import XrayDataModule
from medcnn.data.dataset import clean_images
from medcnn.errors import ConfigError
from medcnn.inference.device import full_precision
from medcnn.inference.loading import RECIPE, Checkpoint, TrainedModel, load_model, read_checkpoint
from medcnn.inference.predictor import CPU
from medcnn.layers.batch_statistics import estimate_population_statistics, trained_norms
from medcnn.models.transfer import Auto, choose
from medcnn.run.directory import RunDir, atomic_path
from medcnn.run.entries import read_entries
from medcnn.run.hashes import checked

KEPT = ("state_dict", "epoch", "global_step", RECIPE)


@dataclass(frozen=True)
class Restated:
    """A checkpoint with population statistics.

    Attributes:
        checkpoint: What ``best.ckpt`` holds, with the new statistics.
        layers: The layers that were re-estimated.
    """

    checkpoint: Checkpoint
    layers: list[str]

    def write(self, path: Path) -> None:
        """Write the checkpoint; what was calibrated with the old statistics is not in it."""
        kept = {name: value for name, value in self.checkpoint.items() if name in KEPT}
        with atomic_path(path) as temporary:
            torch.save(kept, temporary)


def load_trained(run: RunDir, n_train: int) -> tuple[TrainedModel, Checkpoint]:
    """Return the model of a finished run, frozen as in its best epoch, and its checkpoint.

    Args:
        run: The run.
        n_train: How many images it was trained on.

    Raises:
        WeightsError: If the run is not finished.
        ConfigError: If no batch normalisation was trained.
    """
    model = load_model(run)
    checkpoint = read_checkpoint(checked(run, run.best_checkpoint))
    freeze_as_trained(model, run, int(checkpoint["epoch"]), n_train)
    if not trained_norms(model):
        raise ConfigError(
            f"There is nothing to re-estimate in {run.path}.",
            expected="a network with batch normalisation that was trained",
            found=f"{_count(model)} batch normalisations, all of them frozen"
            if _count(model)
            else "no batch normalisation",
            remedy="the run is right as it is",
        )
    return model, checkpoint


def restate(
    model: TrainedModel,
    checkpoint: Checkpoint,
    data: XrayDataModule,
    batches: int | None,
    device: torch.device = CPU,
) -> Restated:
    """Re-estimate BatchNorm's statistics over the training images of a run.

    Layers that were frozen when the best epoch ended keep theirs, as they did in training.

    Args:
        model: See ``load_trained``, as is ``checkpoint``; it is changed in place.
        checkpoint: What ``best.ckpt`` holds.
        data: The images of the run.
        batches: How many training batches to take; None: all.
        device: Where the network computes.
    """
    images = itertools.islice(clean_images(data.train_dataloader()), batches)
    with full_precision():
        layers = estimate_population_statistics(
            model.to(device), (image.to(device) for image in images)
        )
    state = {f"network.{name}": value.cpu() for name, value in model.network.state_dict().items()}
    return Restated({**checkpoint, "state_dict": {**checkpoint["state_dict"], **state}}, layers)


def freeze_as_trained(model: TrainedModel, run: RunDir, epoch: int, n_train: int) -> None:
    """Freeze what the run's transfer policy froze in an epoch."""
    policy = model.settings.transfer.build()
    if isinstance(policy, Auto):
        origin = (read_entries(run).content.get("weights") or {}).get("loaded", "random")
        policy.chosen, _ = choose(model.network, n_train, origin, little=policy.little)
    policy.apply(model.network, epoch)


def _count(model: nn.Module) -> int:
    return sum(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in model.modules())
