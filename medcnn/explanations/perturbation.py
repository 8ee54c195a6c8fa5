"""Deletion and insertion: whether the hottest places are those that the probability hangs on.

Petsiuk, Das and Saenko: RISE, BMVC 2018, section 4.3. Places are taken away by blurring, in both
directions, because a grey square on a dark lung would look like a finding.

Dimensions: N images, one channel, H×W pixels, S shares of the image.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from medcnn.explanations.attribution import blurred

Floats = npt.NDArray[np.float64]
Probability = Callable[[Tensor], Floats]
"""Images N×1×H×W in [0, 1] to the probability of abnormal, N."""

GRAIN = 8


def deletion_and_insertion(
    probability: Probability,
    image_N1HW: Tensor,
    heat_NHW: Tensor,
    *,
    steps: int = 10,
    batch_size: int = 64,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """Return the probabilities while the hottest places are deleted and inserted, N×S each.

    The first column is with none of the image deleted (inserted), the last with all of it; there
    are ``steps`` steps of equal area between.
    """
    soft = blurred(image_N1HW)
    rank_NHW = ranks(heat_NHW, seed)
    count = rank_NHW[0].numel()
    # All of one is nothing of the other.
    whole, nothing = (_in_batches(probability, each, batch_size) for each in (image_N1HW, soft))
    deleted, inserted = [whole], [nothing]
    for step in range(1, steps):
        hot_N1HW = (rank_NHW < step * count / steps).unsqueeze(1)
        for curve, hot, cold in ((deleted, soft, image_N1HW), (inserted, image_N1HW, soft)):
            part = torch.where(hot_N1HW, hot, cold)
            curve.append(_in_batches(probability, part, batch_size))
    return np.stack([*deleted, nothing], 1), np.stack([*inserted, whole], 1)


def area_under(curve_NS: Floats) -> Floats:
    """Return the mean height of each curve, by trapezoids, N."""
    inner = curve_NS[:, 1:-1].sum(1) + (curve_NS[:, 0] + curve_NS[:, -1]) / 2
    return np.asarray(inner / (curve_NS.shape[1] - 1), np.float64)


def ranks(heat_NHW: Tensor, seed: int = 0) -> Tensor:
    """Return the rank of each pixel from 0 for the hottest, N×H×W; ties in smooth, random order."""
    n = len(heat_NHW)
    tie = random_heat(n, tuple(heat_NHW.shape[1:]), seed).to(heat_NHW.device).reshape(n, -1)
    by_tie = tie.argsort(1)
    heat = heat_NHW.reshape(n, -1).gather(1, by_tie)
    order = by_tie.gather(1, heat.argsort(dim=1, descending=True, stable=True))
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places).reshape(heat_NHW.shape)


def random_heat(n: int, size: tuple[int, ...], seed: int) -> Tensor:
    """Return smooth heat that knows nothing of the image, N×H×W in [0, 1]: the control."""
    draw = torch.rand(n, 1, GRAIN, GRAIN, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(draw, size=size, mode="bicubic").clamp(0, 1).squeeze(1)


def _in_batches(probability: Probability, image_N1HW: Tensor, batch_size: int) -> Floats:
    return np.concatenate([probability(part) for part in torch.split(image_N1HW, batch_size)])
