"""Published weights made to fit: one channel, no classifier, the names that torchvision uses now."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from medcnn.models.stages import Backbone

_OLD_DENSE = re.compile(
    r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.(?:weight|bias|running_.*))$"
)


_HEADS = ("fc.", "classifier.", "head.", "heads.", "AuxLogits.", "aux1.", "aux2.")


def adapt(state: Mapping[str, Tensor], backbone: Backbone) -> dict[str, Tensor]:
    """Return a library's weights as the backbone names them, without the classifier taken off it."""
    own = backbone.body.state_dict()
    named = {_OLD_DENSE.sub(r"\1\2", key): value for key, value in state.items()}
    kept = {key: value for key, value in named.items() if key in own or not key.startswith(_HEADS)}
    return one_channel_state(kept)


def one_channel_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights for one input channel: RGB convolutions are summed over their channels."""
    return {
        key: value.sum(1, keepdim=True) if value.ndim == 4 and value.shape[1] == 3 else value
        for key, value in state.items()
    }
