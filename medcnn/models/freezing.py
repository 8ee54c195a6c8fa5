"""Frozen stages, and the parameter groups of those that train.

A frozen layer is frozen: its parameters take no gradient and are not in the optimiser, its BatchNorm
keeps its statistics, and its dropout is off, whatever ``train()`` is called on it afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from medcnn.models.classifier import Classifier
from medcnn.models.stages import Backbone, stage_parameters


def freeze_up_to(model: Classifier, trained: Iterable[str]) -> None:
    """Let the head and the named stages train, and freeze every other stage.

    Args:
        model: The classifier.
        trained: Names of stages.
    """
    free = set(trained)
    for name, parameters in stage_parameters(model.backbone).items():
        for parameter in parameters:
            parameter.requires_grad_(name in free)


def freeze_in_place(model: Classifier) -> None:
    """Put every frozen stage, and every module all of whose parameters are frozen, in evaluation."""
    for name in frozen_prefix(model.backbone):
        dict(model.backbone.stages)[name].eval()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()


def frozen_prefix(backbone: Backbone) -> list[str]:
    """Return the names of the stages before the first one that trains.

    A stage without parameters (a pooling) is frozen if the stages before it are.
    """
    names = []
    for name, parameters in stage_parameters(backbone).items():
        if any(parameter.requires_grad for parameter in parameters):
            break
        names.append(name)
    return names if any(stage_parameters(backbone)[name] for name in names) else []


def decay_groups(
    model: Classifier,
    lr: float,
    weight_decay: float,
    *,
    factors: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Return optimiser groups in which biases and normalisation weights are exempt from decay.

    Args:
        model: The classifier; only what takes a gradient is in a group.
        lr: Base learning rate, that of the head.
        weight_decay: Of weight matrices and filters.
        factors: Factor on the rate by stage; None: 1 for all.
    """
    groups = []
    for factor, parameters in _by_factor(model, factors or {}):
        for members, decay in (
            ([parameter for parameter in parameters if parameter.ndim > 1], weight_decay),
            ([parameter for parameter in parameters if parameter.ndim <= 1], 0.0),
        ):
            if members:
                groups.append({"params": members, "lr": lr * factor, "weight_decay": decay})
    return groups


def _by_factor(
    model: Classifier, factors: Mapping[str, float]
) -> list[tuple[float, list[nn.Parameter]]]:
    """Return the parameters that train, by the factor of their stage; the head has 1."""
    stages = stage_parameters(model.backbone)
    owner = {id(parameter): name for name, found in stages.items() for parameter in found}
    found: dict[float, list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            factor = factors.get(owner.get(id(parameter), ""), 1.0)
            found.setdefault(factor, []).append(parameter)
    return list(found.items())
