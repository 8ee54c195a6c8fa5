"""Who started this process: the user, or a launcher that started others of its kind beside it.

``torchrun`` and ``srun`` start one command many times and tell each copy its place by variables of the
environment. A command that does not heed them does its work as many times as it was started. Those of
``srun`` are read of the step, which only processes that ``srun`` started have: in an allocation of
several tasks (``salloc``, the script of ``sbatch``) ``SLURM_NTASKS`` is there for the one shell, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from medcnn.errors import ConfigError

SLURM_PORT = 15000
"""The first of ten thousand ports, of which a job meets at that of its number, as Lightning has it."""
_heeded: ContextVar[bool] = ContextVar("heeded", default=False)


@dataclass(frozen=True)
class Launch:
    """The place of this process among those that were started with it.

    Attributes:
        rank: From 0.
        world: How many there are.
        local_rank: From 0, on this machine.
        local_world: How many there are on this machine; 0 where others have more or fewer.
        by: ``torchrun``, or what sets the same variables, or ``srun``.
    """

    rank: int
    world: int
    local_rank: int = 0
    local_world: int = 1
    by: str = "torchrun"

    @property
    def machines(self) -> int:
        """On how many machines they are, each with as many."""
        return self.world // self.local_world

    def variables(self, host: str, port: int) -> dict[str, str]:
        """Return the place as ``torchrun`` says it, with a store where all may meet.

        Args:
            host: Where the store is, as all of them reach it.
            port: Its port.
        """
        return {
            "RANK": str(self.rank),
            "WORLD_SIZE": str(self.world),
            "LOCAL_RANK": str(self.local_rank),
            "LOCAL_WORLD_SIZE": str(self.local_world),
            "GROUP_RANK": str(self.rank // self.local_world),
            "MASTER_ADDR": host,
            "MASTER_PORT": str(port),
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            "TORCHELASTIC_RESTART_COUNT": "0",
        }


def launched(environment: Mapping[str, str] | None = None) -> Launch | None:
    """Return this process's place among several; None where it is the only one.

    Args:
        environment: The variables; None: those of this process.

    >>> launched({"RANK": "1", "WORLD_SIZE": "2"}).rank
    1
    """
    known = os.environ if environment is None else environment
    world = _number(known, "WORLD_SIZE", 1)
    if world > 1 and _number(known, "RANK", -1) >= 0:
        local, machines = _number(known, "LOCAL_WORLD_SIZE", 1), "GROUP_WORLD_SIZE"
        even = world == local * _number(known, machines, world // max(local, 1))
        place = int(known["RANK"]), world, _number(known, "LOCAL_RANK", 0)
        return Launch(*place, local if even else 0)
    world = _number(known, "SLURM_STEP_NUM_TASKS", 1)
    if world > 1 and _number(known, "SLURM_PROCID", -1) >= 0:
        each = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", known.get("SLURM_STEP_TASKS_PER_NODE", ""))
        local, nodes = (int(each[1]), int(each[2] or 1)) if each else (0, 0)
        place = int(known["SLURM_PROCID"]), world, _number(known, "SLURM_LOCALID", 0)
        return Launch(*place, local if world == local * nodes else 0, by="srun")
    return None


def heed(launch: Launch) -> None:
    """Say that the command heeds its launcher, and take the threads that it gives each process.

    ``torchrun`` gives one where nobody says otherwise; SLURM as many as cores of a task.
    """
    _heeded.set(True)
    # torch would say in its own words that one waits, and that another is gone.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if launch.by == "srun":
        os.environ.setdefault("OMP_NUM_THREADS", os.environ.get("SLURM_CPUS_PER_TASK", "1"))


def check_heeded(command: str) -> None:
    """Refuse to do several times at once what is meant once, where the command does not heed it.

    Raises:
        ConfigError: If this process is one of several, of which none knows.
    """
    if not _heeded.get():
        check_alone(command)


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
    raise ConfigError(
        f"{command} was started {found.world} times at once, by {found.by}.",
        expected=f"one process; what {found.by} may start is  medcnn train  with one configuration",
        found=f"{found.world} processes, of which this is number {found.rank + 1}",
        remedy="ask SLURM for --ntasks=1, and for an array of jobs where there are several commands"
        if found.by == "srun"
        else f"run the command without {found.by}",
    )


def _number(known: Mapping[str, str], name: str, otherwise: int) -> int:
    text = known.get(name, "")
    return int(text) if text.isdigit() else otherwise
