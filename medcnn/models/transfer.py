"""Transfer: what of a pretrained network trains.

A frozen layer is frozen: its parameters take no gradient and are not in the optimiser, its BatchNorm
keeps its statistics, and its dropout is off, whatever ``train()`` is called on it afterwards.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from medcnn.models.classifier import Classifier
from medcnn.models.weights import WeightsOrigin


class Full:
    """Every parameter trains."""

    def setup(self, model: Classifier, n_train: int, weights_origin: WeightsOrigin) -> str:
        """Freeze nothing and say so."""
        return (
            f"full: all parameters train on {n_train} images from {weights_origin.loaded} weights"
        )

    def on_epoch(self, model: Classifier, epoch: int) -> bool:
        """Change nothing."""
        return False

    def keep_frozen(self, model: Classifier) -> None:
        """Put the frozen parts back into evaluation."""
        freeze_in_place(model)

    def parameter_groups(
        self, model: Classifier, lr: float, weight_decay: float
    ) -> list[dict[str, Any]]:
        """Return the trainable parameters in two groups: with and without weight decay."""
        return decay_groups(model, lr, weight_decay)


class LinearProbe(Full):
    """Only the head trains, on the features of a frozen backbone."""

    def setup(self, model: Classifier, n_train: int, weights_origin: WeightsOrigin) -> str:
        """Freeze the backbone and say so."""
        model.backbone.requires_grad_(False)
        return f"linear probe: the head trains on {n_train} images, the backbone is frozen"


def freeze_in_place(model: nn.Module) -> None:
    """Put every module whose parameters are all frozen into evaluation mode."""
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()


def decay_groups(model: nn.Module, lr: float, weight_decay: float) -> list[dict[str, Any]]:
    """Return optimiser groups in which biases and normalisation weights are exempt from decay."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = (
        ([parameter for parameter in trainable if parameter.ndim > 1], weight_decay),
        ([parameter for parameter in trainable if parameter.ndim <= 1], 0.0),
    )
    return [
        {"params": members, "lr": lr, "weight_decay": decay} for members, decay in groups if members
    ]
