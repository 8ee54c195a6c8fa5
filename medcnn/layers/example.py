"""What a layer declares for ``medcnn check layers``: examples, and what it is held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

Twin = TypeVar("Twin")


class Example(NamedTuple):
    """A layer and an input to prove it on.

    Args:
        options: Keyword arguments of the constructor.
        shape: Shape of the standard normal input.
        speed_shape: Shape of the input that the speed is measured on; None means ``shape``.
    """

    options: dict[str, Any]
    shape: tuple[int, ...]
    speed_shape: tuple[int, ...] | None = None


def reference_of(layer: Any) -> Callable[[Twin], Twin]:
    """Declare a class to be the reference of ``layer``: made alike, and torch's autograd derives it."""

    def declare(twin: Twin) -> Twin:
        layer.reference = twin
        return twin

    return declare
