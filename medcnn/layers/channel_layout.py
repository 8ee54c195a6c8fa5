"""A batch as it lies in memory, to be read channel by channel without being copied.

Dimension letters: N examples, C units or channels, P positions in a channel. Where the channels of one
position lie side by side, a batch is a matrix x_MC of M = N·P rows; elsewhere it is x_NCP.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def is_channels_last(x: Tensor) -> bool:
    """Return whether the channels of one position lie side by side, as units always do."""
    return x.dim() == 2 or (x.stride(1) == 1 and x.movedim(1, -1).is_contiguous())


def flattened(x: Tensor, last: bool) -> Tensor:
    """Return x_MC where channels are ``last``, else x_NCP: a view of ``x``, or of a dense copy."""
    return x.movedim(1, -1).reshape(-1, x.shape[1]) if last else x.flatten(2)


def shaped_like(flat: Tensor, like: Tensor) -> Tensor:
    """Return a flattened tensor as a view in the shape of ``like``."""
    if flat.dim() == 3 or like.dim() == 2:
        return flat.view(like.shape)
    return flat.view(like.movedim(1, -1).shape).movedim(-1, 1)


def values_per_channel(flat: Tensor) -> int:
    """Return how many values share one mean; 1 for an empty batch."""
    # An empty batch has sums of 0, and no gradient of the parameters rather than an undefined one.
    return max(flat.shape[0] * (flat.shape[2] if flat.dim() == 3 else 1), 1)


def pooled_dims(flat: Tensor) -> tuple[int, ...]:
    """Return the dimensions that a statistic of a channel runs over."""
    return (0,) if flat.dim() == 2 else (0, 2)


def channel_sum(flat: Tensor) -> Tensor:
    """Return the sum of each channel, C."""
    return flat.sum(pooled_dims(flat))


def along(value_C: Tensor, flat: Tensor) -> Tensor:
    """Return one value a channel, to be broadcast along the values of ``flat``."""
    return value_C if flat.dim() == 2 else value_C[:, None]


PART = 1 << 17
"""Values that a processor's cache holds between one operation and the next."""


def in_parts(*flats: Tensor) -> Iterable[tuple[Tensor, ...]]:
    """Return tensors of one shape in parts, so that each is read from memory once in several steps.

    That pays where the channels are last; there are too many small steps to it elsewhere. A
    compiler fuses the steps itself.
    """
    first = flats[0]
    whole = first.dim() == 3 or first.numel() <= PART or first.device.type != "cpu"
    if whole or torch.compiler.is_compiling():
        return [flats]
    rows = max(len(first) * PART // first.numel(), 1)
    return zip(*(torch.split(flat, rows) for flat in flats), strict=True)


def total(sums_C: Sequence[Tensor]) -> Tensor:
    """Return the sum of what the parts summed up to."""
    return sums_C[0] if len(sums_C) == 1 else torch.stack(list(sums_C)).sum(0)
