"""A plain convolutional network, every part of it open to choice.

    Conv - norm - activation - pool, then fully connected layers
    widths=[32,64]   [Conv-BN-ReLU]×depth - pool - dropout, twice, then the read-out

The layers are torch's or medcnn's own (``layers=medcnn``), which start from the same weights and
draw the same random numbers.

Dimensions: N images, one channel, H×W pixels, C channels, D features.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from torch import nn

from medcnn.layers import make
from medcnn.models.stages import Backbone
from medcnn.models.xray_cnn_plan import NORMS, POOLINGS, Plan, size_after


def xray_cnn(plan: Plan) -> Backbone:
    """Return the network of a plan (``medcnn.models.xray_cnn_plan.Plan``)."""
    body = nn.Sequential()
    channels = 1
    if plan.filters:
        body.add_module("stem", _make(plan, "filter_bank", names=list(plan.filters)))
        channels = len(plan.filters)
    for number in range(len(plan.widths)):
        body.add_module(f"layer{number + 1}", _block(plan, number, channels))
        channels = plan.widths[number]
    stages = list(body.named_children())
    head, width = _head(plan, channels)
    body.add_module("head", head)
    return Backbone("xray_cnn", body, stages=stages, pool=head, feature_dim=width)


def _block(plan: Plan, number: int, inputs: int) -> nn.Sequential:
    members: OrderedDict[str, nn.Module] = OrderedDict()
    width = plan.widths[number]
    for place in range(plan.depth):
        suffix = str(place + 1) if plan.depth > 1 else ""
        members[f"conv{suffix}"] = _make(
            plan,
            "conv2d",
            in_channels=width if place else inputs,
            out_channels=width,
            kernel_size=plan.kernels[number],
            stride=1 if place else plan.strides[number],
            padding=plan.paddings[number],
            # A norm that follows at once takes the mean away, and the bias with it.
            bias=plan.norm == "none" or plan.norm_place == "after",
        )
        pair = [
            ("norm", _norm(plan, width)),
            ("activation", _make(plan, f"activation:{plan.activation}")),
        ]
        for name, module in pair if plan.norm_place == "before" else reversed(pair):
            if module is not None:
                members[f"{name}{suffix}"] = module
    pooling = POOLINGS[plan.pooling]
    if pooling is not None:
        ratio = {"output_ratio": 2**-0.5} if plan.pooling == "fractional" else {}
        members["pool"] = _make(plan, pooling, kernel_size=plan.pool_size, **ratio)
    if plan.block_dropout:
        members["dropout"] = _make(plan, plan.dropout_kind, p=plan.block_dropout)
    return nn.Sequential(members)


def _norm(plan: Plan, width: int) -> nn.Module | None:
    if plan.norm in ("group", "layer"):
        groups = next(g for g in range(8, 0, -1) if width % g == 0) if plan.norm == "group" else 1
        return _make(plan, "group_norm", num_groups=groups, num_channels=width)
    kind = NORMS[plan.norm]
    return None if kind is None else _make(plan, kind, num_features=width)


def _head(plan: Plan, channels: int) -> tuple[nn.Sequential, int]:
    """Return the read-out with the fully connected layers, and the width of the features."""
    members: OrderedDict[str, nn.Module] = OrderedDict()
    width = channels
    if plan.readout == "flatten":
        width = channels * size_after(plan, len(plan.widths)) ** 2
    else:
        short = {"average": "avg", "max": "max"}[plan.readout]
        members["readout"] = _make(plan, f"global_{short}_pool2d")
    members["flatten"] = nn.Flatten(1)
    for number, units in enumerate(plan.hidden, 1):
        members[f"linear{number}"] = _make(plan, "linear", in_features=width, out_features=units)
        members[f"activation{number}"] = _make(plan, f"activation:{plan.activation}")
        if plan.hidden_dropout:
            members[f"dropout{number}"] = _make(plan, "dropout", p=plan.hidden_dropout)
        width = units
    return nn.Sequential(members), width


def _make(plan: Plan, kind: str, **options: Any) -> nn.Module:
    return make(kind, plan.layers, **options)
