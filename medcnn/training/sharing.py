"""How many trainings share a machine, and what each of them gets of it.

On a CPU as many as there are cores for the threads of each; with GPUs one a device.
"""

from __future__ import annotations

import os

import torch
from loky import cpu_count

from medcnn.console import say
from medcnn.errors import ConfigError
from medcnn.processes.together import Place
from medcnn.processes.voice import is_beside_others
from medcnn.training.devices import device_count
from medcnn.training.settings import Settings
from medcnn.training.threads import chosen_threads, on_cpu

CORES = "LOKY_MAX_CPU_COUNT"
"""What tells a process its share of the cores; loky and joblib heed it, and so do our loaders."""
DEVICES = "CUDA_VISIBLE_DEVICES"


def places_of_runs(settings: Settings, tasks: int) -> list[Place]:
    """Return the places of whole runs, each of which chooses its own threads."""
    return places(settings, tasks, chosen_threads(settings, torch.get_num_threads())[0])


def places(settings: Settings, tasks: int, threads: int) -> list[Place]:
    """Return what each process has of the machine; one place: everything is done in this process.

    Args:
        settings: The configuration of the trainings.
        tasks: How many there are.
        threads: With how many each computes.

    Raises:
        ConfigError: If several processes are asked for, of which each would take several devices.
    """
    if tasks <= 1 or settings.parallel == 1 or is_beside_others():
        return [{}]
    if device_count(settings.trainer) > 1:
        _check_devices(settings)
        return [{}]
    free = settings.trainer.devices == 1 and not on_cpu(settings.trainer)
    devices = visible_devices() if free else []
    count = min(_wanted(settings, threads, devices), tasks)
    if count == 1:
        return [{}]
    say(f"{count} side by side, threads: {threads} each; parallel=1: one after another")
    share = {CORES: str(max(cpu_count() // count, 1))}
    return [
        share | ({DEVICES: devices[number % len(devices)]} if devices else {})
        for number in range(count)
    ]


def visible_devices() -> list[str]:
    """Return the GPUs that this process may use, by the names that the driver takes."""
    named = os.environ.get(DEVICES)
    if named is None:
        return [str(number) for number in range(torch.cuda.device_count())]
    return [name for name in named.split(",") if name][: torch.cuda.device_count()]


def _wanted(settings: Settings, threads: int, devices: list[str]) -> int:
    if isinstance(settings.parallel, int):
        return settings.parallel
    if not on_cpu(settings.trainer):
        # Who names a device has decided who works where.
        return max(len(devices), 1)
    return max(int(cpu_count()) // threads, 1)


def _check_devices(settings: Settings) -> None:
    if isinstance(settings.parallel, int):
        raise ConfigError(
            "Several trainings at once would each take several devices.",
            expected="parallel=1 where trainer.devices are several, or trainer.devices=1",
            found=f"parallel={settings.parallel} trainer.devices={settings.trainer.devices}",
        )
