"""A radiograph under each fixed filter, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from medcnn.layers.filters import FILTERS, FilterBank

GREY = 128
FAR = 99.5
"""The percentile of a signed response that becomes black or white; a few edges would set the scale."""

Picture = npt.NDArray[np.uint8]


@torch.no_grad()
def filter_gallery(
    image: npt.NDArray[np.unsignedinteger[Any]], names: Sequence[str] | None = None
) -> list[tuple[str, Picture]]:
    """Return the image under each filter, as uint8.

    Filters whose weights add up to 1 keep the scale of the image. Those that add up to 0 answer to
    edges with a sign: zero is mid-grey, and each has a scale of its own.

    Args:
        image: H×W, of any unsigned integer type.
        names: Filters of ``medcnn.layers.filters.FILTERS``; None means all.

    Raises:
        ConfigError: If there is no filter of a name.
    """
    bank = FilterBank(names)
    pixels = torch.from_numpy(image / np.float32(np.iinfo(image.dtype).max)).float()
    answers = bank(pixels[None, None])[0].numpy()
    return [
        (name, _visible(name, answer)) for name, answer in zip(bank.names, answers, strict=True)
    ]


def _visible(name: str, answer: npt.NDArray[np.float32]) -> Picture:
    values, _ = FILTERS[name]
    if sum(map(sum, values)) != 0:
        return _bytes(255 * answer)
    scale = max(float(np.percentile(np.abs(answer), FAR)), 1e-6)
    return _bytes(GREY + 127 * answer / scale)


def _bytes(values: npt.NDArray[np.float32]) -> Picture:
    rounded: Picture = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded
