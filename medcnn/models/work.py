"""The work that a network does on one image, counted without doing it."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from medcnn.models.classifier import rebuild
from medcnn.models.settings import Model


def multiply_adds(model: Model, image_size: int) -> int:
    """Return the multiply-adds of one forward pass of one image.

    The network has shapes and no numbers (torch's device ``meta``), so that this takes no memory and
    next to no time, whatever the network.

    Args:
        model: The group ``model`` of the settings.
        image_size: Pixels a side.

    Raises:
        ConfigError: If the model is none of medcnn's, or does not take such images.
    """
    counter = FlopCounterMode(display=False)
    with torch.device("meta"), torch.no_grad():
        network = rebuild(model).eval()
        with counter:
            network(torch.empty(1, 1, image_size, image_size))
    return int(counter.get_total_flops()) // 2
