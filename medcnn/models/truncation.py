"""A backbone that ends after an inner stage: what follows is left out."""

from __future__ import annotations

from torch import Tensor, nn

from medcnn.models.stages import Backbone, map_shape


class StageAverage(nn.Module):
    """What a stage returns, as the means of its maps, N×C."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        # In a tuple, because a module that is assigned is registered, and this one is the parent.
        self._of = (backbone,)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the mean over the places."""
        return self._of[0].as_map(hidden).flatten(2).mean(2)


def shortened(whole: Backbone, stage: str, image_size: int) -> Backbone:
    """Return the backbone up to ``stage``, with the means of its maps as features.

    The left-out stages stay in ``body``, so that files of weights still fit.

    Args:
        whole: The backbone.
        stage: Name of the stage.
        image_size: Pixels a side of the image that the number of maps is learnt from.

    Raises:
        ConfigError: If there is no such stage.
    """
    channels, _, _ = map_shape(whole, stage, image_size)
    return Backbone(
        whole.name,
        whole.body,
        stages=whole.stages[: whole.index(stage) + 1],
        pool=StageAverage(whole),
        feature_dim=channels,
        layout=whole.layout,
        prefix_tokens=whole.prefix_tokens,
    )
