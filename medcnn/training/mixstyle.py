"""MixStyle: maps in the style of another image of the batch, between two stages of the network.

Zhou, Yang, Qiao, Xiang: Domain generalization with MixStyle, ICLR 2021, arXiv:2104.02008, section
2.2. The style of an image is the mean and the spread of each of its maps.

Dimensions: N images (n of this process), C channels of a map of h×w places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from medcnn.errors import ConfigError
from medcnn.models.stages import Backbone
from medcnn.training.distributed import own_rows, whole_batch

TINY = 1e-6
"""Added to variances, as in the authors' code."""


class MixStyle:
    r"""Mixes the styles of maps while a batch of training passes; at all other times it does nothing.

    .. math:: \gamma \frac{x - \mu(x)}{\sigma(x)} + \beta, \qquad
        \gamma = \lambda \sigma(x) + (1 - \lambda) \sigma(\tilde x), \qquad
        \beta = \lambda \mu(x) + (1 - \lambda) \mu(\tilde x)

    with :math:`\lambda \sim \mathrm{Beta}(\alpha, \alpha)` and a partner :math:`\tilde x` drawn for
    each image from the whole batch, that of all processes; no gradient passes through statistics.

    Args:
        p: Probability that a batch is mixed, drawn for each stage.
        alpha: Both parameters of the Beta distribution.
        stages: Names of the stages behind which is mixed; none: the second and the third, but never
            the last, whose maps hold what is told rather than how it was made.
    """

    def __init__(self, p: float, alpha: float = 0.1, stages: Sequence[str] = ()) -> None:
        self.p, self.alpha, self.stages = p, alpha, tuple(stages)
        self._drawn: tuple[np.random.Generator, int | None] | None = None

    def attach(self, backbone: Backbone) -> None:
        """Let the stages of a network be mixed.

        Raises:
            ConfigError: If they return no maps, or there is none of that name, or none to choose.
        """
        known = [name for name, _ in backbone.stages]
        places = [backbone.index(name) for name in self.stages]
        chosen = places or list(range(len(known) - 1))[1:3]
        if backbone.layout != "NCHW" or not chosen:
            raise ConfigError(
                f"MixStyle cannot be put into {backbone.name}.",
                expected="a network whose stages return maps, and a stage before its last",
                found=f"{backbone.layout} from the stages {', '.join(known)}",
                remedy="set mixstyle.p=0, or name stages by mixstyle.stages=[NAME]",
            )
        for place in chosen:
            backbone.stages[place][1].register_forward_hook(self._hook)

    @contextmanager
    def batch(self, rng: np.random.Generator, whole: int | None) -> Iterator[None]:
        """Mix the maps of what passes meanwhile.

        Args:
            rng: What draws; the same in all processes.
            whole: Images of the whole batch, where this process has a part; None: it has all.
        """
        self._drawn = rng, whole
        try:
            yield
        finally:
            self._drawn = None

    def _hook(self, _module: nn.Module, _inputs: object, maps_nChw: Tensor) -> Tensor | None:
        if self._drawn is None:
            return None
        rng, whole = self._drawn
        count = whole or len(maps_nChw)
        mixes, partner, weight = (
            rng.random() < self.p,
            rng.permutation(count),
            rng.beta(self.alpha, self.alpha, count),
        )
        if not mixes:
            return None
        return restyled(maps_nChw, torch.as_tensor(partner), torch.as_tensor(weight), whole)


def restyled(
    maps_nChw: Tensor, partner_N: Tensor, weight_N: Tensor, whole: int | None = None
) -> Tensor:
    """Return maps with their own statistics, by weight, and for the rest those of their partners.

    Args:
        maps_nChw: The maps of this process's images.
        partner_N: For each image of the whole batch the place of its partner in it.
        weight_N: For each the share of its own style, in [0, 1].
        whole: N, where this process has a part of the batch.
    """
    maps = maps_nChw.float()
    with torch.no_grad():
        mean = maps.mean((2, 3))
        spread = (maps.var((2, 3), correction=0) + TINY).sqrt()
        own_n2C = torch.stack([mean, spread], 1)
        all_N2C = own_n2C if whole is None else whole_batch(own_n2C, whole)
        partner = own_rows(partner_N).to(maps.device)
        weight = own_rows(weight_N).to(maps)[:, None, None]
        mixed_n2C = torch.lerp(all_N2C[partner], own_n2C, weight)
        scale = mixed_n2C[:, 1] / spread
        offset = mixed_n2C[:, 0] - mean * scale
    changed = maps * scale[..., None, None] + offset[..., None, None]
    return changed.to(maps_nChw.dtype)
