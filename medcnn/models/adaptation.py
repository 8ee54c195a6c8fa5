"""Published weights made to fit: one channel, no classifier, the image size, the names of today."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torchvision.models.vision_transformer import interpolate_embeddings

from medcnn.models.chest_backbones import range_state
from medcnn.models.names import family_of
from medcnn.models.stages import Backbone

_OLD_DENSE = re.compile(
    r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_.*|num_.*))$"
)
_HEADS = ("fc.", "classifier.", "head.", "heads.", "AuxLogits.", "aux1.", "aux2.", "op_threshs")
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""The statistics of ImageNet's channels, by which torchvision's weights want their input."""


def adapt(state: Mapping[str, Tensor], backbone: Backbone) -> dict[str, Tensor]:
    """Return a library's weights as the backbone names and shapes them.

    The classifier that was taken off the backbone is left out; every other key that does not fit
    stays, to be reported.
    """
    own = backbone.body.state_dict()
    named = {_OLD_DENSE.sub(r"\1\2", key): value for key, value in state.items()}
    kept = {key: value for key, value in named.items() if key in own or not key.startswith(_HEADS)}
    family = family_of(backbone.name)
    if family in ("inception", "googlenet"):
        first = "Conv2d_1a_3x3" if family == "inception" else "conv1"
        kept |= standard_input(kept, first)
    if family == "vit":
        kept = _positions(kept, own, patch=int(backbone.name.rpartition("_")[2]))
    return one_channel_state(kept) | range_state(own)


def one_channel_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights for one input channel: RGB convolutions are summed over their channels."""
    return {
        key: value.sum(1, keepdim=True) if value.ndim == 4 and value.shape[1] == 3 else value
        for key, value in state.items()
    }


def standard_input(state: Mapping[str, Tensor], first: str) -> dict[str, Tensor]:
    """Return the entrance of Google's networks for images standardised like everybody's.

    Their weights expect pixels in [-1, 1], which torchvision reaches by x·std/0.5 + (mean - 0.5)/0.5
    a channel (``transform_input``). The factor goes into the convolution and the shift, which passes
    through it as a constant, into the running mean of the norm behind it: exact but for the
    padded border of GoogLeNet's.

    Args:
        state: The published weights.
        first: Name of the first convolution with its norm.
    """
    key = f"{first}.conv.weight"
    if key not in state or state[key].shape[1] != 3:
        return {}
    mean, std = torch.tensor(_MEAN), torch.tensor(_STD)
    weight = state[key]
    shift = (weight.sum((2, 3)) * ((mean - 0.5) / 0.5)).sum(1)
    return {
        key: weight * (std / 0.5)[:, None, None],
        f"{first}.bn.running_mean": state[f"{first}.bn.running_mean"] - shift,
    }


def _positions(
    state: dict[str, Tensor], own: Mapping[str, Tensor], *, patch: int
) -> dict[str, Tensor]:
    """Interpolate a vision transformer's positions to the grid of the image size."""
    key = "encoder.pos_embedding"
    if key not in state or state[key].shape == own[key].shape:
        return state
    side = round((own[key].shape[1] - 1) ** 0.5)
    fitted: Any = interpolate_embeddings(side * patch, patch, OrderedDict(state))
    return dict(fitted)
