"""One example of a layer: how to construct it and what to feed it, for ``medcnn check layers``."""

from __future__ import annotations

from typing import Any, NamedTuple


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
