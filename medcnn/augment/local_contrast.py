"""Local contrast: each pixel by the mean and the spread of its surroundings.

What changes slowly over the image — exposure, tube voltage, scatter, shading, the window of a
workstation — is subtracted and divided away; what is left is structure. Divisive normalisation after
Jarrett et al., What is the best multi-stage architecture for object recognition?, ICCV 2009,
section 3.1. Dimensions: N images, one channel, H×W pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

REACH = 0.15
"""Standard deviation of the surroundings as a fraction of the side: about one lung's half width."""
FLOOR = 0.02
"""Spread that is added: 5 grey levels of 256, so that noise in the dark is not made structure."""
CUT = 3.0
"""A Gaussian is cut off at so many standard deviations."""


def local_contrast(image_N1HW: Tensor) -> Tensor:
    """Return ``(x - m) / (s + FLOOR)`` of images in [0, 1].

    m and s are mean and standard deviation under a Gaussian of ``REACH`` around each pixel; beyond
    the edges the image is mirrored. It is computed in 32 bits, also where networks are not: the
    difference from the surroundings would lose its lower bits.
    """
    import torch

    with torch.autocast(image_N1HW.device.type, enabled=False):
        return against_surroundings(image_N1HW.float())


def against_surroundings(image_N1HW: Tensor) -> Tensor:
    """Return the same of 32-bit images, in the operations alone: what an exported graph holds."""
    centred = image_N1HW - _surroundings(image_N1HW)
    return centred / (_surroundings(centred.square()).clip(min=0).sqrt() + FLOOR)


def _surroundings(image_N1HW: Tensor) -> Tensor:
    """Return the mean around each pixel: one pass along rows and one along columns."""
    from torch.nn import functional as F

    height, width = image_N1HW.shape[-2:]
    down, across = _kernel(height, image_N1HW), _kernel(width, image_N1HW)
    edges = (len(across) // 2,) * 2 + (len(down) // 2,) * 2
    wide = F.pad(image_N1HW, edges, mode="reflect")
    return F.conv2d(F.conv2d(wide, down[None, None, :, None]), across[None, None, None])


def _kernel(side: int, like: Tensor) -> Tensor:
    """Return the weights of a Gaussian along one side; they sum to 1."""
    import torch

    sigma = REACH * side
    reach = min(round(CUT * sigma), side - 1)
    weight = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    return torch.as_tensor(weight / weight.sum()).to(like)
