"""What a task needs of its optimiser: a schedule on it, and limits of what it can be combined with."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, Protocol

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.enums import GradClipAlgorithmType
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from medcnn.errors import ConfigError, MedcnnWarning
from medcnn.notices import Notice
from medcnn.training.optimizers.sharpness import SharpnessAware
from medcnn.training.tasks.faults import DivergenceError


class Schedule(Protocol):
    """The factor on the base learning rate at each optimiser step."""

    def factor(self, step: int, total: int) -> float:
        """Return the factor at ``step`` of ``total``."""


def scheduled(optimizer: Optimizer, schedule: Schedule, *, step: int, total: int) -> LambdaLR:
    """Return torch's scheduler of a schedule, standing at ``step``.

    An optimiser that is made anew in the middle of a training goes on where the schedule stands.
    """
    scheduler = LambdaLR(optimizer, lambda at: schedule.factor(at, total))
    if step:
        scheduler.last_epoch = step
        for group, base in zip(optimizer.param_groups, scheduler.base_lrs, strict=True):
            group["lr"] = base * schedule.factor(step, total)
    return scheduler


def is_repeating(optimizer: Optimizer) -> bool:
    """Return whether an optimiser evaluates a batch several times in one step."""
    return isinstance(optimizer, (torch.optim.LBFGS, SharpnessAware))


def check_combination(optimizer: Optimizer, trainer: pl.Trainer) -> None:
    """Refuse what an optimiser with a closure cannot do.

    Raises:
        ConfigError: With accumulation or loss scaling, each of which spans several evaluations.
    """
    if not is_repeating(optimizer):
        return
    name = type(optimizer).__name__
    if trainer.accumulate_grad_batches > 1:
        raise ConfigError(
            f"{name} evaluates a batch several times, and cannot accumulate over batches.",
            expected="trainer.accumulate_grad_batches=1",
            found=str(trainer.accumulate_grad_batches),
            remedy="enlarge data.batch_size",
        )
    if trainer.precision == "16-mixed":
        raise ConfigError(
            f"{name} cannot be combined with the loss scaling of 16 bit.",
            expected="trainer.precision=bf16-mixed or 32-true",
            found="trainer.precision=16-mixed",
        )
    if isinstance(optimizer, torch.optim.LBFGS) and trainer.gradient_clip_val:
        warnings.warn(
            Notice("unclipped"),
            MedcnnWarning,
            stacklevel=2,
        )


def clip_gradients(
    task: pl.LightningModule,
    optimizer: Optimizer,
    clip_value: float | None,
    algorithm: str | None,
) -> Tensor:
    """Clip, and return the norm that the gradient had before.

    LBFGS is left alone: its line search needs the gradient of the loss that it searches. Lightning
    refuses to clip for fused optimisers whenever precision is mixed; only the loss scaling of fp16 is
    a reason to, so everywhere else gradients are clipped here, by the norm that is known already.

    Args:
        task: What trains.
        optimizer: Its optimiser.
        clip_value: Greatest norm, or greatest value; None or 0 clips nothing.
        algorithm: ``norm`` or ``value``; None is ``norm``.
    """
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    dense = [w.grad for w in weights if w.grad is not None and not w.grad.is_sparse]
    norm = nn.utils.get_total_norm(dense)
    if not clip_value or isinstance(optimizer, torch.optim.LBFGS):
        return norm
    if task.trainer.precision == "16-mixed":
        task.clip_gradients(optimizer, clip_value, algorithm)
    elif algorithm == GradClipAlgorithmType.VALUE:
        nn.utils.clip_grad_value_(weights, clip_value)
    else:
        nn.utils.clip_grads_with_norm_(weights, clip_value, norm)
    return norm


class XrayTask(pl.LightningModule):
    """What both tasks share: they clip what can be clipped, and stop where a loss is no number."""

    gradient_norm: Tensor | None = None

    def diverge(self, loss: Tensor | float, split: str, batch: int | None = None) -> NoReturn:
        """Raise DivergenceError for a loss that is no number, of a batch or of the whole epoch."""
        lr = self.trainer.optimizers[0].param_groups[0]["lr"]
        raise DivergenceError(
            float(loss), epoch=self.current_epoch, batch=batch, lr=lr, split=split
        )

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip before the step."""
        self.gradient_norm = clip_gradients(
            self, optimizer, gradient_clip_val, gradient_clip_algorithm
        )


@contextmanager
def statistics_kept(network: nn.Module) -> Iterator[None]:
    """Leave the running statistics of BatchNorm alone while a batch is evaluated once more."""
    layers = [
        layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.training
    ]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
