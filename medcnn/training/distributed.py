"""Training in several processes, each with a part of every batch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor
from torch.autograd import Function

from medcnn.data.dataset import part_sizes

Seen = TypeVar("Seen")


def processes() -> int:
    """Return how many processes train this model; 1 where this is the only one."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def whole_batch(part: Tensor, whole: int) -> Tensor:
    """Return the rows of all processes in the order of the batch; the parts' gradients are kept.

    Every process then computes the same loss of the whole batch, each with the gradient of its own
    rows. ``DistributedDataParallel`` takes the mean over the processes, so that a part receives as
    many times its gradient as there are parts: the mean is the gradient of the loss.

    Args:
        part: This process's rows, as ``part_sizes`` divides them.
        whole: How many there are in all.
    """
    if processes() == 1:
        return part
    gather: Any = _WholeBatch.apply
    gathered: Tensor = gather(part, whole)
    return gathered


class _WholeBatch(Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, whole: int) -> Tensor:
        sizes = part_sizes(whole, processes())
        padded = part.new_zeros((max(sizes), *part.shape[1:]))
        padded[: len(part)] = part
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        start = sum(sizes[: dist.get_rank()])
        ctx.own = slice(start, start + len(part))
        return torch.cat([each[:size] for each, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None]:
        return grad_outputs[0][ctx.own] * processes(), None


def own_rows(rows: Tensor) -> Tensor:
    """Return this process's part of the rows of a whole batch."""
    if processes() == 1:
        return rows
    return torch.split(rows, part_sizes(len(rows), processes()))[dist.get_rank()]


def of_all_processes(seen: Sequence[Seen]) -> list[Seen]:
    """Return what all processes have seen of whole batches, which they took in turn, in order.

    Every process has to ask, also one that has seen nothing.
    """
    if processes() == 1:
        return list(seen)
    parts: list[Any] = [None] * processes()
    dist.all_gather_object(parts, list(seen))
    return [each for turn in zip_longest(*parts) for each in turn if each is not None]


def share_thawed(trainer: pl.Trainer) -> None:
    """Let all processes average the gradients of parameters that train from now on.

    ``DistributedDataParallel`` averages those that took a gradient when it was made. What is thawed
    later would train in each process on its own images alone, and the copies would drift apart.
    """
    if isinstance(trainer.strategy, DDPStrategy):
        trainer.strategy.model = trainer.lightning_module
        trainer.strategy.configure_ddp()
