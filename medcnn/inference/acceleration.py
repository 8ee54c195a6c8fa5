"""A network made quick for prediction: BatchNorm folded, channels last, and 16 bit where that pays.

Folding alone changes the logit in the seventh digit. bfloat16, where the processor multiplies it
natively, makes convolutions three to five times as fast and moves the logit by about a hundredth;
what is near the threshold is therefore computed again in 32 bit (``medcnn.inference.quick``).
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from medcnn.inference.loading import TrainedModel
from medcnn.inference.predictor import Predictor
from medcnn.inference.runs import Panel
from medcnn.layers.folding import fold_batch_norm
from medcnn.models.stages import Backbone


def fast_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 where the device has instructions for it, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type != "cpu":
        return torch.float32
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


def fast_panel(panel: Panel, dtype: torch.dtype) -> Panel:
    """Return the panel with each of its members made quick; the panel itself is not changed."""
    members = [fast_model(member, dtype) for member in panel.predictor.members]
    return replace(
        panel, predictor=Predictor(members, panel.predictor.passes, panel.predictor.device)
    )


def fast_model(model: TrainedModel, dtype: torch.dtype) -> TrainedModel:
    """Return a copy whose stages are folded and run in ``dtype``.

    What follows the last stage, the pooling and the head, stays in 32 bit: it costs little, and an
    average over places that is rounded to 8 bits would be the largest error of all.
    """
    fast = copy.deepcopy(model)
    network = fast.network
    backbone = fold_batch_norm(network.backbone)
    if not isinstance(backbone, Backbone):
        raise TypeError(f"folding made a {type(backbone).__name__} of the backbone")
    network.backbone = backbone.to(dtype).to(memory_format=torch.channels_last)
    pool = backbone.pool.to(torch.float32)
    if dtype != torch.float32:
        first = backbone.stages[0][1]
        first.register_forward_pre_hook(_cast(dtype))
        pool.register_forward_pre_hook(_cast(torch.float32))
    return fast


def _cast(dtype: torch.dtype) -> Any:
    def hook(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (args[0].to(dtype), *args[1:])

    return hook
