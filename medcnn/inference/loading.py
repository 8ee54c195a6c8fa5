"""A trained model from its run directory, as data and never as code.

Checkpoints are read with ``weights_only=True``; they say how the network is rebuilt, whose target has
to lie in medcnn. What its logit means stands in ``judgement.json``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Required, TypedDict, cast

import torch
from torch import Tensor, nn

from medcnn.augment.normalize import normalize
from medcnn.calibration.calibrator import Calibrator
from medcnn.calibration.judgement import Judgement
from medcnn.errors import ConfigError, MedcnnError, WeightsError
from medcnn.files.arrays import ARCHIVE_ERRORS
from medcnn.files.hashing import sha256_of
from medcnn.inference.settings import RunSettings, run_settings
from medcnn.metrics.thresholds import Threshold
from medcnn.models.classifier import Classifier, rebuild
from medcnn.models.settings import Model
from medcnn.models.weights import SAFE, first_line, read_plain, read_tensors, unreadable
from medcnn.run.directory import RunDir, atomic_path
from medcnn.run.hashes import checked
from medcnn.settings.grammar import written
from medcnn.settings.reading import as_plain, read


class Recipe(TypedDict):
    """How a network is rebuilt: the settings of its model, and those of its transfer's stage."""

    model: dict[str, Any]
    stage: str | None


class Checkpoint(TypedDict, total=False):
    """What a checkpoint holds that this version reads, plain values and tensors.

    Attributes:
        state_dict: The weights, always there.
        epoch: The epoch that ended with them, from 0.
        global_step: Optimiser steps by then.
        network: How their network is rebuilt.
        calibrator: Of a run of an earlier version.
        operating_point: Likewise.
    """

    state_dict: Required[Mapping[str, Tensor]]
    epoch: int
    global_step: int
    network: Recipe
    calibrator: dict[str, Any]
    operating_point: dict[str, Any]


class TrainedModel(nn.Module):
    """A classifier in evaluation mode with what was learnt for it on train and val.

    Args:
        network: Normalised image N×1×H×W to logit N.
        pixel_mean: Mean of the training pixels, in [0, 1].
        pixel_std: Their standard deviation.
        pixel_shares: For the normalisation by histogram, their shares at or below each level.
        judgement: Of this model seen once; None until it is fitted.
        settings: What the run is known by.
        sha256: Hash of the checkpoint.
    """

    def __init__(
        self,
        network: Classifier,
        *,
        pixel_mean: float,
        pixel_std: float,
        pixel_shares: Tensor | None = None,
        judgement: Judgement | None = None,
        settings: RunSettings,
        sha256: str,
    ) -> None:
        super().__init__()
        self.network = network.eval().to(memory_format=torch.channels_last)
        self.pixel_mean, self.pixel_std = pixel_mean, pixel_std
        self.pixel_shares = pixel_shares
        self.normalization = settings.data.normalize
        self.judgement, self.settings, self.sha256 = judgement, settings, sha256
        self.image_size = settings.data.image_size

    @property
    def judged(self) -> Judgement:
        """The judgement of this model seen once, once it is fitted."""
        if self.judgement is None:
            raise WeightsError("The model has not been judged on validation yet.")
        return self.judgement

    @property
    def calibrator(self) -> Calibrator:
        """Logit to probability."""
        return self.judged.calibrator

    @property
    def threshold(self) -> Threshold:
        """The frozen operating point."""
        return self.judged.threshold

    def normalize(self, image_N1HW: Tensor) -> Tensor:
        """Return the images as the network saw them in training."""
        image = normalize(
            image_N1HW, self.normalization, self.pixel_mean, self.pixel_std, self.pixel_shares
        )
        return image.contiguous(memory_format=torch.channels_last)

    def forward(self, image_N1HW: Tensor) -> Tensor:
        """Return the uncalibrated logit of abnormal, N, for images in [0, 1]."""
        logit: Tensor = self.network(self.normalize(image_N1HW))
        return logit


def load_model(run: RunDir) -> TrainedModel:
    """Return the best model of a finished training, on the CPU, with its judgement.

    Raises:
        ConfigError: If the run is an autoencoder.
        WeightsError: If the training is not finished, or its checkpoint cannot be read.
        DataError: If its judgement cannot be read.
    """
    settings = run_settings(run)
    if settings.task == "autoencoder":
        raise ConfigError(
            f"The run {run.path} is an encoder, which answers nothing about an image.",
            expected="a run of task=classification",
            found="task=autoencoder",
            remedy=f"train a classifier that starts from it: {written('model.weights', run.path)}",
        )
    path = checked(run, run.weights)
    checkpoint = read_checkpoint(path) if path.is_file() else None
    with _fitting(path):
        judgement = _alone(run, checkpoint)
    if judgement is None or checkpoint is None:
        raise WeightsError(
            f"The run {run.path} is not finished.",
            expected="checkpoints/best.ckpt and judgement.json",
            found="a run that was stopped before it was judged on validation",
            remedy=f"restore {run.judgement.name} from a copy, or train again"
            if run.results.is_file() and checkpoint is not None
            else f"medcnn train {written('resume', run.path)}",
        )
    return load_weights(run, checkpoint, judgement)


def load_weights(
    run: RunDir,
    checkpoint: Checkpoint | None = None,
    judgement: Judgement | None = None,
) -> TrainedModel:
    """Return the best model of a training as it stands in its checkpoint, on the CPU.

    Raises:
        WeightsError: If the checkpoint cannot be read, or is of another network.
    """
    path, settings = run.weights, run_settings(run)
    with _fitting(path):
        return _model(settings, checkpoint or read_checkpoint(path), judgement, path)


def _alone(run: RunDir, checkpoint: Checkpoint | None) -> Judgement | None:
    """Return the judgement of a run's model seen once."""
    path = checked(run, run.judgement)
    saved = Judgement.load(path) if path.is_file() else None
    if saved is not None and saved.passes.single and len(saved.merges) == 1:
        return saved
    return (saved and saved.alone) or (checkpoint and _of_checkpoint(checkpoint)) or None


def _of_checkpoint(checkpoint: Checkpoint) -> Judgement | None:
    """Return what an earlier version wrote into the checkpoint, and nowhere else."""
    if RECIPE in checkpoint or "operating_point" not in checkpoint:
        return None
    threshold = Threshold(**checkpoint["operating_point"])
    if not 0 <= float(threshold.value) <= 1:
        raise ValueError(f"a threshold of {threshold.value!r}")
    return Judgement.of_one(calibrator_of(checkpoint), threshold)


@contextmanager
def _fitting(path: Path) -> Iterator[None]:
    try:
        yield
    except MedcnnError:
        raise
    except ARCHIVE_ERRORS as error:
        raise WeightsError(
            f"The checkpoint {path} does not fit the configuration of its run.",
            expected="weights, calibrator and threshold as training wrote them",
            found=first_line(error),
            remedy="restore the run, or take another",
        ) from error


RECIPE: Final = "network"
"""The key of a checkpoint under which it says how its network is rebuilt."""

ORIGIN = "checkpoint_sha256"
"""The key under which exported weights say which checkpoint they were."""


def recipe(settings: RunSettings) -> Recipe:
    """Return what is needed beside the weights to rebuild a network, as plain values."""
    return {"model": as_plain(settings.model), "stage": settings.transfer.stage}


def _model(
    settings: RunSettings,
    checkpoint: Checkpoint,
    judgement: Judgement | None,
    path: Path,
) -> TrainedModel:
    state = checkpoint["state_dict"]
    how = checkpoint.get(RECIPE) or recipe(settings)
    network = rebuild(read(Model, how["model"], lenient=True), how["stage"])
    inner = {key.partition(".")[2]: each for key, each in state.items() if key[:8] == "network."}
    network.load_state_dict(inner)
    mean, std = float(state["pixel_mean"]), float(state["pixel_std"])
    if not (math.isfinite(mean) and math.isfinite(std) and std > 0):
        raise ValueError(f"pixels of mean {mean} and standard deviation {std}")
    return TrainedModel(
        network,
        pixel_mean=mean,
        pixel_std=std,
        pixel_shares=state.get("pixel_shares"),
        judgement=judgement,
        settings=settings,
        sha256=str(checkpoint.get(ORIGIN) or sha256_of(path)),
    )


def load_members(run: RunDir) -> list[TrainedModel]:
    """Return the models of a run: the members of an ensemble, or the one that there is.

    Raises:
        WeightsError: If one of them is not finished or cannot be read.
    """
    return [load_model(member) for member in run.members or [run]]


def read_checkpoint(path: Path) -> Checkpoint:
    """Return a checkpoint's plain content, or raise WeightsError if it is not plain or not whole."""
    content = read_tensors(path) if path.suffix == SAFE else read_plain(path)
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), Mapping):
        raise unreadable(path, f"{type(content).__name__} without a state_dict")
    return cast("Checkpoint", content)


def copy_into_checkpoint(judgement: Judgement, run: RunDir) -> None:
    """Let whoever reads the weights alone find calibrator and threshold beside them."""
    checkpoint = read_checkpoint(run.best_checkpoint)
    temperature, threshold = judgement.calibrator.temperature, judgement.threshold
    checkpoint["state_dict"] = {
        **checkpoint["state_dict"],
        "temperature": torch.tensor(temperature, dtype=torch.float64),
        "threshold": torch.tensor(threshold.value, dtype=torch.float64),
    }
    checkpoint["calibrator"] = calibrator_state(judgement.calibrator)
    checkpoint["operating_point"] = asdict(threshold)
    with atomic_path(run.best_checkpoint) as temporary:
        torch.save(checkpoint, temporary)


def calibrator_state(calibrator: Calibrator) -> dict[str, Any]:
    """Return a calibrator as a checkpoint keeps a copy of it: plain values and one tensor."""
    parameters = torch.tensor(calibrator.parameters, dtype=torch.float64)
    return calibrator.to_json() | {"parameters": parameters}


def calibrator_of(checkpoint: Checkpoint) -> Calibrator:
    """Return the calibrator of a checkpoint, or its temperature where it has no record of one."""
    record = checkpoint.get("calibrator")
    if record is None:
        return Calibrator("temperature", (float(checkpoint["state_dict"]["temperature"]),))
    return Calibrator.from_json(record | {"parameters": record["parameters"].tolist()})
