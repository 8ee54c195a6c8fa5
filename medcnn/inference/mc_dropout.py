"""MC dropout on any backbone: many stochastic passes for little more than the price of one.

The predictions of a network whose dropout stays on are samples of an approximate posterior (Gal,
Ghahramani: Dropout as a Bayesian approximation, ICML 2016).

Everything but what keeps statistics is put into training mode, so that whatever draws random numbers
does: modules of dropout, dropout in functions, stochastic depth, DropConnect, DropBlock, random
rectifiers. What stands before the first random number is computed once for all images; the rest image
by image, its samples as one batch, from torch's generator seeded by the image. So an image gets the
same samples in whatever batch it stands.

Legend: N images, S samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medcnn.errors import ConfigError, unknown_name
from medcnn.models.classifier import Classifier
from medcnn.notices import Notice

Step = Callable[[Tensor], Tensor]

INJECTIONS = ("head", "blocks")
AT_ONCE = 64
"""Samples of an image that are computed together; it decides which random numbers each gets."""


class McDropout:
    """Stochastic passes of a classifier.

    Args:
        network: In evaluation mode; it is left so.
        samples: S, at least 1.
        inject: ``head`` puts dropout before the last layer, ``blocks`` after every stage; None
            takes the network as it is.
        p: Probability of injected dropout.
        seed: Whole numbers from 0 that name the stream of masks.

    Attributes:
        injected: What was put in; None where nothing was.
        first: Name of the first step that is computed for every sample: a stage, ``pool`` or ``head``.

    Raises:
        ConfigError: If nothing in the network is random.
    """

    def __init__(
        self,
        network: Classifier,
        samples: int,
        *,
        inject: str | None = None,
        p: float = 0.2,
        seed: Sequence[int] = (0,),
    ) -> None:
        if inject is not None and inject not in INJECTIONS:
            raise unknown_name("place for mc.inject", inject, INJECTIONS)
        if not 0 < p < 1:
            raise ConfigError(f"mc.p cannot be {p!r}.", expected="a number between 0 and 1")
        self.network, self.samples, self.seed = network, samples, tuple(seed)
        self.injected: Notice | None = None
        self._steps = self._built(inject, p)
        self._split = self._first_random()
        if self._split == len(self._steps):
            raise ConfigError(
                f"Nothing in this {network.backbone.name} is random: its passes would all agree.",
                expected="a network with dropout, stochastic depth, DropConnect or DropBlock",
                found="none, or all with p = 0",
                remedy="give mc.inject=head or mc.inject=blocks, or train with model.dropout=0.2",
            )
        self.first = self._steps[self._split][0]

    def _built(self, inject: str | None, p: float) -> list[tuple[str, Step]]:
        network = self.network
        stages: list[tuple[str, Step]] = [*network.backbone.stages, ("pool", network.backbone.pool)]
        if inject == "blocks":
            self.injected = Notice("dropout_blocks", p=p)
            drop = partial(_dropped, p=p)
            *before, pool = stages
            pairs = [(stage, (f"dropout after {stage[0]}", drop)) for stage in before]
            stages = [*(step for pair in pairs for step in pair), pool]
        head: Step = network.head
        if inject == "head" and not network.dropout.p:
            self.injected = Notice("dropout_head", p=p)
            head = partial(_drop_then, network.head, p)
        return [*stages, ("head", head)]

    @torch.inference_mode()
    def _first_random(self) -> int:
        """Return the place of the first step that draws; the number of steps if none does."""
        weight, size = next(self.network.parameters()), self.network.image_size
        hidden = torch.zeros(1, 1, size, size, device=weight.device, dtype=weight.dtype)
        with _sampling(self.network), _own_randomness(weight.device):
            for place, (_, step) in enumerate(self._steps):
                before = _state(weight.device)
                hidden = step(hidden)
                if not torch.equal(before, _state(weight.device)):
                    return place
        return len(self._steps)

    @torch.inference_mode()
    def shared(self, image_N1HW: Tensor) -> Tensor:
        """Return what all passes have in common: all before the first random number.

        Args:
            image_N1HW: Normalised.
        """
        hidden = image_N1HW
        for _, step in self._steps[: self._split]:
            hidden = step(hidden)
        return hidden

    @torch.inference_mode()
    def logits(self, shared: Tensor, names: Sequence[Sequence[int]]) -> Tensor:
        """Return the logits of all passes, S×N.

        Args:
            shared: What ``shared`` returned for N images.
            names: Whole numbers from 0 for each image that name its masks: the same numbers give
                the same masks, in whatever batch it stands.
        """
        with _sampling(self.network), _own_randomness(shared.device):
            found = [
                self._of_one(*each) for each in zip(torch.split(shared, 1), names, strict=True)
            ]
        return torch.stack(found, dim=1)

    def _of_one(self, hidden_1: Tensor, name: Sequence[int]) -> Tensor:
        """Return the logits of one image, S."""
        torch.manual_seed(int(np.random.SeedSequence((*self.seed, *name)).generate_state(1)[0]))
        parts = []
        for start in range(0, self.samples, AT_ONCE):
            count = min(AT_ONCE, self.samples - start)
            rows = hidden_1.expand(count, *hidden_1.shape[1:])
            if hidden_1.dim() == 4 and hidden_1.is_contiguous(memory_format=torch.channels_last):
                rows = rows.contiguous(memory_format=torch.channels_last)
            for _, step in self._steps[self._split :]:
                rows = step(rows)
            parts.append(rows)
        return torch.cat(parts)


@contextmanager
def _sampling(network: nn.Module) -> Iterator[None]:
    """Put what keeps no statistics into training mode, and let a draw for a batch be one a row."""
    modules = [
        module
        for module in network.modules()
        if not module._buffers and "Norm" not in type(module).__name__
    ]
    modes = [module.training for module in modules]
    # Of one image, a batch is its samples: stochastic depth would drop the same in all of them.
    wide = [module for module in modules if getattr(module, "mode", None) == "batch"]
    for module in modules:
        module.training = True
    for module in wide:
        module.mode = "row"  # type: ignore[assignment]
    try:
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
        for module in wide:
            module.mode = "batch"  # type: ignore[assignment]


@contextmanager
def _own_randomness(device: torch.device) -> Iterator[None]:
    """Leave torch's generators as they were before."""
    with torch.random.fork_rng(
        [] if device.type == "cpu" else [device.index or 0],
        device_type="cuda" if device.type == "cpu" else device.type,
    ):
        yield


def _state(device: torch.device) -> Tensor:
    """Return the state of the generator that a device draws from."""
    if device.type == "cpu":
        return torch.get_rng_state()
    state: Tensor = torch.get_device_module(device).get_rng_state()
    return state


def _drop_then(step: Step, p: float, x: Tensor) -> Tensor:
    return step(_dropped(x, p))


def _dropped(x: Tensor, p: float) -> Tensor:
    """Drop channels of maps, since neighbours in a channel say the same, else single values."""
    return F.dropout2d(x, p, True) if x.dim() == 4 else F.dropout(x, p, True)
