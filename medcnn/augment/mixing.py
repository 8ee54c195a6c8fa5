"""Operators on whole batches with their labels: mixup and CutMix.

Zhang et al., mixup: beyond empirical risk minimization, ICLR 2018; Yun et al., CutMix, ICCV 2019.
The labels of the mixture are the same mixture of the labels. Dimensions: N images, H×W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medcnn.augment.erasing import pixels_of
from medcnn.augment.operator import Operator, Values, number

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(kw_only=True)
class Mixing(Operator):
    """Mix each image with another one of its batch; ``p`` is the probability for the whole batch.

    Attributes:
        mixes_labels: Whether labels become fractions of one another.
    """

    mixes_labels = True

    p: float = 0.5

    def mix(self, image_N1HW: Tensor, label_N: Tensor, values: Values) -> tuple[Tensor, Tensor]:
        """Return the mixed images and labels."""
        raise NotImplementedError


@dataclass(kw_only=True)
class Blend(Mixing):
    """Mix images and their labels by one weight a batch.

    Args:
        alpha: Both parameters of the Beta distribution of the mixing weight, above 0.
    """

    alpha: float = number(0.2, 0.01, 100)

    def draw(self, rng: np.random.Generator, n: int) -> Values:
        """Draw whether this batch is mixed, the weight, each image's partner, and a place."""
        return {
            "active": np.array(rng.random() < self.p),
            "weight": np.array(rng.beta(self.alpha, self.alpha)),
            "place": rng.random(2),
            "partner": rng.permutation(n),
        }


@dataclass(kw_only=True)
class Mixup(Blend):
    """Weighted mean of two images."""

    def mix(self, image_N1HW: Tensor, label_N: Tensor, values: Values) -> tuple[Tensor, Tensor]:
        """Return ``weight`` of each image and label plus the rest of its partner's."""
        import torch

        weight = float(values["weight"])
        partner = torch.as_tensor(values["partner"], device=image_N1HW.device)
        return (
            torch.lerp(image_N1HW[partner], image_N1HW, weight),
            torch.lerp(label_N[partner], label_N, weight),
        )


@dataclass(kw_only=True)
class CutMix(Blend):
    """A rectangle of one image pasted into another; the labels are mixed by its true area."""

    alpha: float = number(1.0, 0.01, 100)

    def mix(self, image_N1HW: Tensor, label_N: Tensor, values: Values) -> tuple[Tensor, Tensor]:
        """Return the images with a rectangle of their partner's, and the labels by area."""
        import torch

        side = float(np.sqrt(1 - values["weight"]))
        box = np.array([*(values["place"] - side / 2), side, side])
        height, width = image_N1HW.shape[-2:]
        rows, columns = pixels_of(box, (height, width))
        partner = torch.as_tensor(values["partner"], device=image_N1HW.device)
        mixed = image_N1HW.clone()
        mixed[..., rows, columns] = image_N1HW[partner][..., rows, columns]
        pasted = (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)
        return mixed, torch.lerp(label_N[partner], label_N, 1 - pasted)
