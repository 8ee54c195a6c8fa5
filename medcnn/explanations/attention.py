"""Attention roll-out: how far each patch of the image reaches the output of a vision transformer.

Abnar and Zuidema: Quantifying attention flow in transformers, ACL 2020, section 3.

Dimensions: N images, T tokens, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from medcnn.errors import ConfigError
from medcnn.models.stages import Backbone


def attention_rollout(backbone: Backbone, seen_N1HW: Tensor) -> Tensor:
    """Return how much of each patch reaches what is pooled, N×h×w.

    It follows attention alone, and so is the same whatever the logit asks.

    Args:
        backbone: A vision transformer in evaluation mode.
        seen_N1HW: Normalised images.

    Raises:
        ConfigError: If the backbone has no attention over the whole image.
    """
    if not has_attention(backbone):
        raise ConfigError(
            f"{backbone.name} has no attention from every place to every other to roll out.",
            expected="a vision transformer, such as vit_b_16",
            found=backbone.name,
            remedy="take method=grad_cam, which every backbone has",
        )
    flow_NTT = roll_out(_attention(backbone, seen_N1HW))
    first = backbone.prefix_tokens
    pooled_by = getattr(backbone.body, "global_pool", "token")
    rows = slice(0, 1) if first and pooled_by == "token" else slice(first, None)
    places_NT = flow_NTT[:, rows, first:].mean(1)
    side = round(places_NT.shape[1] ** 0.5)
    return places_NT.reshape(-1, side, side)


def has_attention(backbone: Backbone) -> bool:
    """Say whether the backbone has attention from every place to every other to roll out."""
    return backbone.layout == "NTC" and bool(_readers(backbone))


def roll_out(layers: Sequence[Tensor]) -> Tensor:
    """Return the product of the layers' attention, half of each replaced by the shortcut, N×T×T.

    Args:
        layers: Attention of each layer from input to output, the mean over heads, N×T×T; rows, the
            tokens that look, sum to 1.
    """
    flow_NTT = torch.eye(layers[0].shape[-1], device=layers[0].device).expand_as(layers[0])
    for attention_NTT in layers:
        own = torch.eye(attention_NTT.shape[-1], device=attention_NTT.device)
        flow_NTT = (attention_NTT + own) / 2 @ flow_NTT
    return flow_NTT


@torch.no_grad()
def _attention(backbone: Backbone, seen_N1HW: Tensor) -> list[Tensor]:
    """Return the attention of each layer, computed again from what went into it."""
    found: list[Tensor] = []

    def record(module: nn.Module, inputs: tuple[Tensor, ...], read: Any) -> None:
        found.append(read(module, inputs[0]))

    handles = [
        module.register_forward_pre_hook(partial(record, read=read))
        for module, read in _readers(backbone).items()
    ]
    try:
        backbone(seen_N1HW)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _readers(backbone: Backbone) -> dict[nn.Module, Any]:
    readers: dict[nn.Module, Any] = {}
    for module in backbone.body.modules():
        if isinstance(module, nn.MultiheadAttention):
            readers[module] = _torch_attention
        elif hasattr(module, "qkv") and hasattr(module, "q_norm"):
            readers[module] = _timm_attention
    return readers


def _torch_attention(module: nn.MultiheadAttention, tokens_NTC: Tensor) -> Tensor:
    # ``forward`` by name: calling the module would call this hook again.
    _, weights = module.forward(tokens_NTC, tokens_NTC, tokens_NTC, need_weights=True)
    if weights is None:
        raise AssertionError("need_weights=True returns the attention")
    return weights


def _timm_attention(module: Any, tokens_NTC: Tensor) -> Tensor:
    n, t, _ = tokens_NTC.shape
    parts = module.qkv(tokens_NTC).reshape(n, t, 3, module.num_heads, -1).permute(2, 0, 3, 1, 4)
    query, key = module.q_norm(parts[0]), module.k_norm(parts[1])
    weights: Tensor = (query * module.scale @ key.transpose(-2, -1)).softmax(-1)
    return weights.mean(1)
