"""Losses on a single logit: pure functions of ``logit_N`` and ``label_N``, and their registry."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class BinaryCrossEntropy(nn.Module):
    """Sigmoid cross-entropy, -y log p - (1 - y) log(1 - p), averaged over the batch.

    Args:
        label_smoothing: Moves the labels this far towards 1/2, in [0, 1).
        positive_weight: Weight of the abnormal class; None: 1.
    """

    def __init__(self, label_smoothing: float = 0.0, positive_weight: float | None = None) -> None:
        super().__init__()
        self.label_smoothing, self.positive_weight = label_smoothing, positive_weight

    def forward(self, logit_N: Tensor, label_N: Tensor) -> Tensor:
        """Return the mean loss, a scalar."""
        target = label_N * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        weight = None if self.positive_weight is None else logit_N.new_tensor(self.positive_weight)
        return F.binary_cross_entropy_with_logits(logit_N, target, pos_weight=weight)
