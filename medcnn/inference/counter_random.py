"""Random numbers that are a function of their place: no state, the same on every device.

A stream is named by whole numbers, such as (seed, image, sample, layer), and its k-th number is the
k-th output of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA
2014) started from a hash of the name. All rows of a batch are drawn in one tensor operation, and a
row is the same whatever stands beside it.

Legend: R rows, K numbers a row.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


_STEP = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)


def splitmix64(state: Tensor) -> Tensor:
    """Return the output function of SplitMix64 on int64 states, whose products wrap.

    Args:
        state: Of any shape; not changed.
    """
    z = (state ^ _shifted(state, 30)) * _FIRST
    z = (z ^ _shifted(z, 27)) * _SECOND
    return z ^ _shifted(z, 31)


def stream_keys(*names: Tensor | int, device: torch.device | str = "cpu") -> Tensor:
    """Return one key for each stream, int64; the parts of a name broadcast.

    Args:
        names: Whole numbers; their order matters.
        device: Where the keys shall lie.
    """
    key = torch.zeros((), dtype=torch.int64, device=device)
    for name in names:
        part = torch.as_tensor(name, dtype=torch.int64, device=device)
        key = splitmix64((key ^ part) + _STEP)
    return key


def bits64(keys_R: Tensor, count: int) -> Tensor:
    """Return R×K int64, K = ``count``: the first outputs of SplitMix64 from each key."""
    places_K = torch.arange(1, count + 1, dtype=torch.int64, device=keys_R.device) * _STEP
    return splitmix64(keys_R[:, None] + places_K)


def uniform(keys_R: Tensor, count: int) -> Tensor:
    """Return R×K float32 on the grid of 2^-24 in [0, 1), two from each 64 bits."""
    halves = bits64(keys_R, (count + 1) // 2).view(torch.int32)[:, :count]
    return (halves >> 8).bitwise_and_(0xFFFFFF).float().mul_(2.0**-24)


def normal(keys_R: Tensor, count: int) -> Tensor:
    """Return R×K float32 standard normal numbers, by Box and Muller (1958)."""
    pairs = uniform(keys_R, 2 * count)
    radius = (1 - pairs[:, :count]).log_().mul_(-2).sqrt_()
    return radius * (pairs[:, count:] * (2 * math.pi)).cos_()


def _shifted(z: Tensor, places: int) -> Tensor:
    """Return the logical shift to the right; torch's repeats the sign."""
    return (z >> places).bitwise_and_((1 << (64 - places)) - 1)
