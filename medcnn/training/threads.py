"""How many threads a training computes with: by the work of a step, never by the clock.

Threads meet at the end of each layer. Where a layer is little work they wait for one another longer
than they work, and beside another process, which takes a core from one of them, all of them wait.
The number of threads decides in which order sums are added, so it belongs to what a result follows
from: the same settings give the same number, it is recorded, and a run that goes on keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from threadpoolctl import threadpool_limits

from medcnn.console import say
from medcnn.errors import ConfigError
from medcnn.models.work import multiply_adds
from medcnn.training.settings import Settings, Trainer

if TYPE_CHECKING:
    from medcnn.run.journal import Journal

PASSES = 3
"""Forward, and backward for the weights and for what they receive: about as much work each."""
ENOUGH = 20 * 10**9
"""Multiply-adds of a step from which all cores pay; see docs/scale.md for what was measured."""


def work_of(settings: Settings) -> int:
    """Return the multiply-adds of one step of training.

    Raises:
        ConfigError: If the model is of the user's own, so that it cannot be counted.
    """
    data = settings.data
    return PASSES * data.batch_size * multiply_adds(settings.model, data.image_size)


def chosen_threads(settings: Settings, available: int) -> tuple[int, str]:
    """Return the number of threads, and why, in words.

    Args:
        settings: The configuration of the run.
        available: All that torch would take: the cores, or as many as ``OMP_NUM_THREADS`` says.
    """
    asked = settings.trainer.threads
    if isinstance(asked, int):
        return asked, f"trainer.threads={asked}"
    if available == 1:
        return 1, "no more are to be had"
    if not on_cpu(settings.trainer):
        return available, "the work is the device's"
    try:
        work = work_of(settings)
    except (ConfigError, RuntimeError):  # of the user's own, or one that needs numbers to run
        return available, "the work of a step of this model cannot be counted"
    said = f"a step is {work / 1e9:.3g} billion multiply-adds"
    if work < ENOUGH:
        return 1, f"{said}, and more pay from {ENOUGH / 1e9:.0f} on"
    return available, said


def on_cpu(trainer: Trainer) -> bool:
    """Return whether the CPU is what trains."""
    gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
    return trainer.accelerator == "cpu" or not gpu


@contextmanager
def working_threads(settings: Settings, journal: Journal) -> Iterator[int]:
    """Compute with the threads of the run for the time of a block, and yield their number.

    A run that goes on computes with as many as it began with, whatever the machine has now.
    """
    kept = journal.facts.get("threads")
    if isinstance(kept, int):
        count, reason = kept, "as the run began"
    else:
        count, reason = chosen_threads(settings, torch.get_num_threads())
    say(f"threads: {count}, {reason}")
    journal.note(threads=count)
    with computing_with(count):
        yield count


@contextmanager
def computing_with(count: int) -> Iterator[None]:
    """Compute with so many threads for the time of a block, in torch and in the linear algebra."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        if count == before:
            yield
        else:
            # NumPy and SciPy add in another order with other threads, too.
            with threadpool_limits(count, user_api="blas"):
                yield
    finally:
        torch.set_num_threads(before)
