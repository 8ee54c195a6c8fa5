"""Who started this process: the user, or a launcher that started others of its kind beside it.

``torchrun`` and ``srun`` start one command many times and tell each copy its place by variables of the
environment. A command that does not heed them does its work as many times as it was started.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from medcnn.errors import ConfigError

TORCHRUN = ("RANK", "WORLD_SIZE")
SLURM = ("SLURM_PROCID", "SLURM_NTASKS")


@dataclass(frozen=True)
class Launch:
    """The place of this process among those that were started with it.

    Attributes:
        rank: From 0.
        world: How many there are.
        by: The variables that say so.
    """

    rank: int
    world: int
    by: tuple[str, str]


def launched(environment: Mapping[str, str] | None = None) -> Launch | None:
    """Return this process's place among several; None where it is the only one.

    Args:
        environment: The variables; None: those of this process.

    >>> launched({"RANK": "1", "WORLD_SIZE": "2"}).rank
    1
    """
    known = os.environ if environment is None else environment
    for by in (TORCHRUN, SLURM):
        rank, world = (known.get(name, "") for name in by)
        if world.isdigit() and int(world) > 1:
            return Launch(int(rank) if rank.isdigit() else 0, int(world), by)
    return None


def check_alone(command: str, environment: Mapping[str, str] | None = None) -> None:
    """Refuse to do several times at once what is meant once.

    Args:
        command: What would be done, in words.
        environment: The variables; None: those of this process.

    Raises:
        ConfigError: If this process is one of several.
    """
    found = launched(environment)
    if found is None:
        return
    rank, world = found.by
    slurm = found.by == SLURM
    raise ConfigError(
        f"{command} was started {found.world} times at once, by {'srun' if slurm else 'torchrun'}.",
        expected="one process: trainer.devices=N starts those that it needs on this machine",
        found=f"{world}={found.world} {rank}={found.rank} in the environment",
        remedy="ask SLURM for --ntasks=1 with --gpus=N --cpus-per-task=M, and give trainer.devices=N"
        if slurm
        else "run the command without torchrun, and give trainer.devices=N",
    )
