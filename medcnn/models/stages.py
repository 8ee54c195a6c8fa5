"""A backbone as a chain of named stages: the one interface to every network.

    image N×1×H×W -> stem -> layer1 -> … -> layerK -> pool -> features N×D

``Backbone.forward`` *is* this chain, so that whatever stands on the stages holds for the network:
features can be taken after any stage, a frozen prefix can be computed once and kept, the part before
the first dropout can be shared by many stochastic passes, and a hook on a stage fires.

A stage is either a module of the network itself or an ``nn.Sequential`` over several of them. It is
a view: it shares the parameters, and only ``Backbone.body`` appears in the ``state_dict``, under the
names that the library of origin gave, so that its weight files load.

Every parameter belongs to exactly one stage or to ``pool`` (which has some in ConvNeXt, VGG,
AlexNet, MobileNetV3 and MaxViT: the layers that follow the spatial pooling).

Dimensions: N images, one channel, H×W pixels, C channels of a map of h×w places, T tokens,
D features.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from medcnn.errors import unknown_name

Stage = tuple[str, nn.Module]
Layout = Literal["NCHW", "NHWC", "NTC"]
"""How a stage lays out what it returns: maps, channels-last maps (Swin), or tokens (ViT)."""


class Backbone(nn.Module):
    """Image to features, through named stages.

    Args:
        name: What ``model.backbone`` calls it.
        body: Owner of every parameter and buffer.
        stages: Names and modules from input to output, each a module of ``body``, a view of several
            (``chain``), or a module without parameters or state.
        pool: What the last stage returns to features N×D.
        feature_dim: D.
        layout: Of what the stages return.
        prefix_tokens: How many tokens stand before those of the places (the class token).
    """

    def __init__(
        self,
        name: str,
        body: nn.Module,
        *,
        stages: Sequence[Stage],
        pool: nn.Module,
        feature_dim: int,
        layout: Layout = "NCHW",
        prefix_tokens: int = 0,
    ) -> None:
        super().__init__()
        self.name, self.feature_dim = name, feature_dim
        self.layout, self.prefix_tokens = layout, prefix_tokens
        self.body = body
        # In a tuple, because a module that is assigned is registered, and these are views of body.
        self._chain = (tuple(stages), (pool,))

    @property
    def stages(self) -> list[Stage]:
        """The stages from input to output, by name, without ``pool``."""
        return list(self._chain[0])

    @property
    def views(self) -> list[nn.Module]:
        """What runs but is not registered: whoever replaces a module of ``body`` has to here too."""
        return [*(module for _, module in self._chain[0]), self.pool]

    @property
    def pool(self) -> nn.Module:
        """What follows the last stage, up to the features."""
        return self._chain[1][0]

    def forward(self, image_N1HW: Tensor) -> Tensor:
        """Return the features, N×D."""
        return self.from_stage(image_N1HW)

    def up_to(self, stage: str, image_N1HW: Tensor) -> Tensor:
        """Return what ``stage`` makes of the images.

        Raises:
            ConfigError: If there is no such stage.
        """
        hidden = image_N1HW
        for _, module in self._chain[0][: self.index(stage) + 1]:
            hidden = module(hidden)
        return hidden

    def from_stage(self, hidden: Tensor, after: str | None = None) -> Tensor:
        """Return the features, N×D, of what stage ``after`` returned (None: of the images).

        Raises:
            ConfigError: If there is no such stage.
        """
        start = 0 if after is None else self.index(after) + 1
        for _, module in self._chain[0][start:]:
            hidden = module(hidden)
        features: Tensor = self.pool(hidden)
        return features

    def index(self, stage: str) -> int:
        """Return the place of a stage in the chain, from 0.

        Raises:
            ConfigError: If there is no such stage.
        """
        names = [name for name, _ in self._chain[0]]
        if stage not in names:
            raise unknown_name(f"stage of {self.name}", stage, names)
        return names.index(stage)

    def as_map(self, hidden: Tensor) -> Tensor:
        """Return what a stage returned as maps N×C×h×w; tokens are laid out on their square grid."""
        if self.layout == "NHWC":
            return hidden.movedim(-1, 1)
        if self.layout == "NCHW":
            return hidden
        if hidden.ndim == 4:  # EfficientFormer and VOLO make maps before they make tokens
            is_last = hidden.shape[1] == hidden.shape[2] != hidden.shape[3]
            return hidden.movedim(-1, 1) if is_last else hidden
        places_NTC = hidden[:, self.prefix_tokens :]
        side = math.isqrt(places_NTC.shape[1])
        places_NTC = places_NTC[
            :, places_NTC.shape[1] - side**2 :
        ]  # a class token added on the way
        return places_NTC.transpose(1, 2).reshape(len(hidden), -1, side, side)


@torch.no_grad()
def map_shape(backbone: Backbone, stage: str, image_size: int) -> tuple[int, int, int]:
    """Return C, h and w of the maps that a stage makes of an image of H = W = ``image_size``.

    Raises:
        ConfigError: If there is no such stage.
    """
    was_training = backbone.training
    backbone.eval()
    maps = backbone.as_map(backbone.up_to(stage, torch.zeros(1, 1, image_size, image_size)))
    backbone.train(was_training)
    _, channels, rows, columns = maps.shape
    return channels, rows, columns


def chain(**modules: nn.Module) -> nn.Sequential:
    """Return one stage made of several modules, in the order given."""
    return nn.Sequential(OrderedDict(modules))


def stage_parameters(backbone: Backbone) -> dict[str, list[nn.Parameter]]:
    """Return the parameters of each stage, those of ``pool`` with the last: each appears once."""
    found = {name: list(module.parameters()) for name, module in backbone.stages}
    found[backbone.stages[-1][0]] += list(backbone.pool.parameters())
    return found


class GlobalAverage(nn.Module):
    """Maps N×C×h×w to their means N×C."""

    def forward(self, maps_NChw: Tensor) -> Tensor:
        """Return the mean over the places."""
        return torch.flatten(nn.functional.adaptive_avg_pool2d(maps_NChw, 1), 1)
