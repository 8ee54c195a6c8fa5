"""What people wrap weights in: containers of checkpoints, and prefixes of modules around a network."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

CONTAINERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "network",
    "model_ema",
    "state_dict_ema",
    "ema",
)
"""The keys of a checkpoint under which a network's tensors stand, the first that is there taken."""

PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "encoder.")
"""What DataParallel, torch.compile, Lightning modules and classifiers write before a network's keys."""


@dataclass(frozen=True)
class Unwrapped:
    """The tensors of a network, and where they stood.

    Attributes:
        state: By the names that the network gives them.
        under: The containers and prefixes around them, outermost first; empty where there were none.
    """

    state: dict[str, Tensor]
    under: tuple[str, ...] = ()


def contained(content: Any) -> Unwrapped:
    """Return the tensors in a checkpoint, looked for in the containers that are customary."""
    under: tuple[str, ...] = ()
    while isinstance(content, Mapping):
        inner = next((key for key in CONTAINERS if _holds_tensors(content.get(key))), None)
        if inner is None:
            tensors = {
                str(key): value for key, value in content.items() if isinstance(value, Tensor)
            }
            return Unwrapped(tensors, under)
        content, under = content[inner], (*under, inner)
    return Unwrapped({}, under)


def _holds_tensors(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    return any(isinstance(each, Tensor) or _holds_tensors(each) for each in value.values())


def without_prefixes(state: Mapping[str, Tensor], own: Collection[str]) -> Unwrapped:
    """Return the tensors whose names, less what stands before them, are most often the network's own.

    Args:
        state: As the file names them.
        own: The names that the network gives its tensors.
    """
    best = Unwrapped(dict(state))
    waiting = [best]
    while waiting:
        found = waiting.pop()
        for prefix in PREFIXES:
            inner = {
                key[len(prefix) :]: value
                for key, value in found.state.items()
                if key.startswith(prefix)
            }
            if inner:
                shorter = Unwrapped(inner, (*found.under, prefix))
                waiting.append(shorter)
                if _known(inner, own) > _known(best.state, own):
                    best = shorter
    return best


def _known(names: Iterable[str], own: Collection[str]) -> int:
    return sum(name in own for name in names)
