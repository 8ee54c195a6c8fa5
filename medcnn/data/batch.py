"""The Batch: what every model is fed, stated once.

Dimensions: N images, C = 1 channel, H×W pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NotRequired, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


class Batch(TypedDict):
    """One batch of images.

    Attributes:
        image: float32, N×1×H×W; in [0, 1] before normalisation, air dark and bone bright.
        label: float32, N; 0 normal, 1 abnormal; fractional after mixup.
        image_id: N identifiers.
        patient_id: N identifiers.
        pending: What is still to be done to the images on their device, with its drawn values; the
            datamodule does it, and no model meets it.
        group: int64, N; each image's group, from 0, where the objective asks for it.
        whole: How many images the whole batch has, where this is one process's part of it.
    """

    image: Tensor
    label: Tensor
    image_id: list[str]
    patient_id: list[str]
    pending: NotRequired[Callable[[Tensor], Tensor]]
    group: NotRequired[Tensor]
    whole: NotRequired[int]


def unit_images(stored: npt.NDArray[np.unsignedinteger[Any]]) -> Tensor:
    """Return uint8 or uint16 images, N×H×W, as those of a batch: float32, N×1×H×W in [0, 1]."""
    scale = np.float32(1.0 / np.iinfo(stored.dtype).max)
    return torch.from_numpy(np.multiply(stored, scale, dtype=np.float32)).unsqueeze(1)
