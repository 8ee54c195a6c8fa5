"""What a run trains on: how many devices, in which precision."""

from __future__ import annotations

import os
from typing import Any

import torch
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from pytorch_lightning.strategies import DDPStrategy

from medcnn.errors import ConfigError
from medcnn.settings.reading import as_plain
from medcnn.training.launch import launched
from medcnn.training.settings import Trainer


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
    """Return how many devices train together: one a process where a launcher started several."""
    launch = launched()
    if launch is not None:
        return launch.world
    if isinstance(trainer.devices, tuple):
        return len(trainer.devices)
    if isinstance(trainer.devices, int):
        return trainer.devices
    gpus = torch.cuda.device_count()
    return gpus if gpus and trainer.accelerator in ("auto", "gpu", "cuda") else 1


def several_options(trainer: Trainer) -> dict[str, Any]:
    """Return the options for a process that is one of several; none where it is alone.

    The statistics of BatchNorm are the same in all of them (``SharedBatchNorm``), and validation
    takes batches in turn, so nothing is to be sent around before a batch.
    """
    launch = launched()
    if launch is None:
        return {}
    listed = isinstance(trainer.devices, tuple)
    return {
        "devices": as_plain(trainer.devices) if listed else launch.local_world,
        "num_nodes": launch.machines,
        "strategy": DDPStrategy(
            cluster_environment=TorchElasticEnvironment(), broadcast_buffers=False
        ),
    }


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


def device_name() -> str:
    """Return the name of what is trained on."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU ({os.cpu_count()} cores)"
