"""The device that a trained run computes on, asked for once and refused early."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from medcnn.errors import ConfigError

if TYPE_CHECKING:
    import torch

DEVICES = "auto, cpu, cuda, cuda:N (N counts from 0) or mps"
_NAME = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")


def is_device(value: object) -> bool:
    """Return whether a value names a device, whether or not this machine has it."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def choose_device(wanted: str) -> torch.device:
    """Return the device of that name; ``auto`` is a GPU where there is one, else the CPU.

    Raises:
        ConfigError: If it is no device, or this machine has none such.
    """
    if not is_device(wanted):
        raise ConfigError(f"device cannot be {wanted!r}.", expected=DEVICES)
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    apple = torch.backends.mps.is_available()
    if wanted == "auto":
        wanted = "cuda" if gpus else "mps" if apple else "cpu"
    device = torch.device(wanted)
    there = {"cpu": True, "mps": apple, "cuda": (device.index or 0) < gpus}[device.type]
    if not there:
        names = ["cpu", *(f"cuda:{number}" for number in range(gpus)), *(["mps"] * apple)]
        raise ConfigError(
            f"This machine has no device {wanted}.",
            expected=f"device={' | '.join(['auto', *names])}",
            found=f"torch {torch.__version__} sees "
            + (f"{gpus} GPU" + "s" * (gpus > 1) if gpus else "no GPU"),
            remedy="give device=cpu"
            + ("" if gpus else ", or install the driver and a torch that is built for the GPU"),
        )
    return device


def check_device(wanted: str) -> None:
    """Refuse a device that is not there; where none is asked for by name, torch is not imported.

    Raises:
        ConfigError: As ``choose_device`` does.
    """
    if wanted not in ("auto", "cpu"):
        choose_device(wanted)


@contextmanager
def full_precision() -> Iterator[None]:
    """Multiply in 32 bit within: on a GPU convolutions are of TF32 otherwise, of 10 bits."""
    import torch

    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
