"""MC dropout on any backbone: many stochastic passes for little more than the price of one.

The predictions of a network whose dropout stays on are samples of an approximate posterior (Gal,
Ghahramani: Dropout as a Bayesian approximation, ICML 2016).

Which modules draw random numbers is found by watching one pass, whatever they are called: modules of
dropout, dropout in functions, stochastic depth, DropConnect, DropBlock, random rectifiers. Only these
are put into training mode; BatchNorm stays in evaluation. What stands before the first of them is
computed once, the rest for all samples in one batch, in chunks of bounded memory.

Legend: N images, S samples, R = S·N rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medcnn.errors import ConfigError, unknown_name
from medcnn.inference.counter_random import stream_keys
from medcnn.inference.row_randomness import RowRandomness
from medcnn.models.classifier import Classifier
from medcnn.notices import Notice

Step = Callable[[Tensor], Tensor]

INJECTIONS = ("head", "blocks")
MEMORY = 256 * 2**20
"""Bytes that the largest tensor of the repeated part may take."""
BY_ROW = ("Dropout", "Dropout2d", "Noise", "MaskingNoise", "GaussianDropout", "DropPath", "RReLU")
"""Names of layers whose raw draws are one set a row, and whose output mixes no rows."""


class McDropout:
    """Stochastic passes of a classifier.

    Args:
        network: In evaluation mode; it is left so.
        samples: S, at least 1.
        inject: ``head`` puts dropout before the last layer, ``blocks`` after every stage; None
            takes the network as it is.
        p: Probability of injected dropout.
        seed: Whole numbers that name the stream of masks.
        memory: Bytes that the largest tensor of the repeated part may take.

    Attributes:
        injected: What was put in, in words; None where nothing was.
        first: Name of the first step that is computed for every sample: a stage, ``pool`` or ``head``.

    Raises:
        ConfigError: If nothing in the network is random, or it draws in a way that cannot be split
            into rows.
    """

    def __init__(
        self,
        network: Classifier,
        samples: int,
        *,
        inject: str | None = None,
        p: float = 0.2,
        seed: Sequence[int] = (0,),
        memory: int = MEMORY,
    ) -> None:
        if inject is not None and inject not in INJECTIONS:
            raise unknown_name("place for mc.inject", inject, INJECTIONS)
        if not 0 < p < 1:
            raise ConfigError(f"mc.p cannot be {p!r}.", expected="a number between 0 and 1")
        self.network, self.samples, self.seed, self.memory = network, samples, tuple(seed), memory
        self.injected: Notice | None = None
        self._steps = self._built(inject, p)
        watched = _watch(network, self._steps)
        if not watched.first_step < len(self._steps):
            raise ConfigError(
                f"Nothing in this {network.backbone.name} is random: its passes would all agree.",
                expected="a network with dropout, stochastic depth, DropConnect or DropBlock",
                found="none, or all with p = 0",
                remedy="give mc.inject=head or mc.inject=blocks, or train with model.dropout=0.2",
            )
        self._watched = watched
        self.first = self._steps[watched.first_step][0]

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
    def shared(self, image_N1HW: Tensor) -> Tensor:
        """Return what all passes have in common: all before the first random number.

        Args:
            image_N1HW: Normalised.
        """
        hidden = image_N1HW
        for _, step in self._steps[: self._watched.first_step]:
            hidden = step(hidden)
        return hidden

    @torch.inference_mode()
    def logits(self, shared: Tensor, key_N: Tensor) -> Tensor:
        """Return the logits of all passes, S×N.

        Args:
            shared: What ``shared`` returned for N images.
            key_N: A whole number for each image, int64, that names its masks: the same number gives
                the same masks, in whatever batch it stands.
        """
        row_bytes = self._watched.row_bytes * len(shared)
        at_once = max(1, self.memory // max(1, row_bytes))
        samples = torch.arange(self.samples, device=shared.device)
        chunks = torch.split(samples, at_once)
        return torch.cat([self._some(shared, key_N, chunk) for chunk in chunks])

    def _some(self, hidden: Tensor, key_N: Tensor, sample_S: Tensor) -> Tensor:
        keys = stream_keys(*self.seed, sample_S[:, None], key_N[None], device=hidden.device)
        rows = hidden.expand(len(sample_S), *hidden.shape).flatten(0, 1)
        if hidden.dim() == 4 and hidden.is_contiguous(memory_format=torch.channels_last):
            rows = rows.contiguous(memory_format=torch.channels_last)
        randomness = RowRandomness(keys.flatten())
        with sampling(self._watched.drawing, self._watched.alone, randomness), randomness:
            for _, step in self._steps[self._watched.first_step :]:
                rows = step(rows)
        return rows.view(len(sample_S), len(hidden))


class Watched:
    """What one pass showed.

    Attributes:
        drawing: Modules that draw random numbers themselves.
        alone: Those of them that must see one row at a time.
        first_step: Place of the first step that draws; the number of steps if none does.
        row_bytes: Bytes of the largest tensor from there on, for one row.
    """

    def __init__(self) -> None:
        self.drawing: list[nn.Module] = []
        self.alone: list[nn.Module] = []
        self.first_step = -1
        self.row_bytes = 0


class _Witness(RowRandomness):
    """Remembers which module was at work at each draw."""

    def __init__(self, network: nn.Module, watched: Watched) -> None:
        super().__init__(stream_keys(torch.zeros(1, dtype=torch.int64)))
        self.at_work: list[nn.Module] = [network]
        self.watched = watched

    def drawn(self, *, raw: bool) -> None:
        """Note the innermost module, and whether its draw was a bare one."""
        module = self.at_work[-1]
        if module not in self.watched.drawing:
            self.watched.drawing.append(module)
        if raw and not _is_by_row(module) and module not in self.watched.alone:
            self.watched.alone.append(module)


def _watch(network: Classifier, steps: Sequence[tuple[str, Step]]) -> Watched:
    watched = Watched()
    witness = _Witness(network, watched)
    # Whatever keeps statistics is left as it is; all else may show what it does in training.
    candidates = [module for module in network.modules() if not _keeps_state(module)]
    hooks = []
    for module in {
        id(each): each for each in [*network.modules(), *network.backbone.views]
    }.values():
        hooks += [
            module.register_forward_pre_hook(lambda each, _: witness.at_work.append(each)),
            module.register_forward_hook(lambda *_: (witness.at_work.pop(), None)[1]),
        ]
    size = network.image_size
    weight = next(network.parameters())
    hidden = torch.zeros(1, 1, size, size, device=weight.device, dtype=weight.dtype)
    witness.keys_R = witness.keys_R.to(weight.device)
    watched.first_step = len(steps)
    try:
        with torch.inference_mode(), sampling(candidates, (), witness), witness:
            for place, (_, step) in enumerate(steps):
                before, witness.largest = witness.draws, 0
                hidden = step(hidden)
                if witness.draws > before:
                    watched.first_step = min(watched.first_step, place)
                if place >= watched.first_step:
                    watched.row_bytes = max(watched.row_bytes, witness.largest)
    finally:
        for hook in hooks:
            hook.remove()
    return watched


@contextmanager
def sampling(
    drawing: Sequence[nn.Module], alone: Sequence[nn.Module], rows: RowRandomness
) -> Iterator[None]:
    """Put modules into training mode, not those within them, and let some see one row at a time."""
    modes = [module.training for module in drawing]
    for module in drawing:
        module.training = True
    for module in alone:
        module.forward = partial(_row_by_row, module.forward, rows)
    try:
        yield
    finally:
        for module, mode in zip(drawing, modes, strict=True):
            module.training = mode
        for module in alone:
            del module.forward


def _row_by_row(forward: Callable[..., Tensor], rows: RowRandomness, x: Tensor) -> Tensor:
    """Call a layer that draws once for its whole batch, or normalises over it, with each row."""
    start, found = rows.draws, []
    for row, part in enumerate(x.chunk(len(rows.keys_R))):
        with rows.only(row, start):
            found.append(forward(part))
    return torch.cat(found)


def _is_by_row(module: nn.Module) -> bool:
    if type(module).__name__ == "StochasticDepth":
        return getattr(module, "mode", "row") == "row"
    return type(module).__name__ in BY_ROW


def _keeps_state(module: nn.Module) -> bool:
    return bool(module._buffers) or "Norm" in type(module).__name__


def _drop_then(step: Step, p: float, x: Tensor) -> Tensor:
    return step(_dropped(x, p))


def _dropped(x: Tensor, p: float) -> Tensor:
    """Drop channels of maps, since neighbours in a channel say the same, else single values."""
    return F.dropout2d(x, p, True) if x.dim() == 4 else F.dropout(x, p, True)
