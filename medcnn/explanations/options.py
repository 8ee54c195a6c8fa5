"""What ``medcnn explain`` was asked, checked before torch is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medcnn.errors import ConfigError
from medcnn.explanations.names import check_method

ALL = "all"
_BOUNDS = {
    "images": (2, 100_000),
    "sanity": (0, 1000),
    "marker": (0, 100_000),
    "shown": (0, 100),
    "steps": (2, 1000),
    "batch_size": (1, 4096),
    "seed": (0, 2**32 - 1),
}


@dataclass(frozen=True)
class Options:
    """How a run is explained.

    Attributes:
        methods: Names of explanations; empty for every one that the backbone has.
        stage: Whose maps class activation maps are made of; None for the deepest that is not coarse.
        split: The split that the images are from.
        images: At most so many abnormal images are explained.
        sanity: So many of them again after the network forgot; 0 leaves the check out.
        marker: At most so many images with a marker and as many without are changed; 0: none.
        shown: So many images are drawn.
        steps: Of the deletion and insertion curves.
        exact: Whether the passes of which there are thousands, those of occlusion and of deletion
            and insertion, are in 32 bit too; otherwise they are as quick as the processor allows.
        batch_size: Images passed at once.
        level: Of the intervals.
        seed: Of every random choice.
    """

    methods: tuple[str, ...] = ()
    stage: str | None = None
    split: str = "test"
    images: int = 32
    sanity: int = 12
    marker: int = 64
    shown: int = 6
    steps: int = 10
    exact: bool = False
    batch_size: int = 8
    level: float = 0.95
    seed: int = 0


def read_options(given: Mapping[str, Any]) -> Options:
    """Return the options of the command's configuration.

    Raises:
        ConfigError: If a method does not exist or a number is out of its range.
    """
    asked = given["method"]
    names = [asked] if isinstance(asked, str) else list(asked)
    methods = () if names == [ALL] else tuple(dict.fromkeys(map(str, names)))
    stage = given["stage"]
    for method in methods:
        check_method(method, stage if len(methods) == 1 else None)
    for key, (low, high) in _BOUNDS.items():
        value = given[key]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ConfigError(
                f"{key} cannot be {value!r}.",
                expected=f"a whole number from {low} to {high}",
                found=repr(value),
            )
    level = given["level"]
    if not isinstance(level, float) or not 0.5 <= level < 1:
        raise ConfigError(
            f"level cannot be {level!r}.", expected="a number from 0.5 to below 1, such as 0.95"
        )
    if not isinstance(given["exact"], bool):
        raise ConfigError(
            f"exact cannot be {given['exact']!r}.",
            expected="true or false",
            found=repr(given["exact"]),
        )
    numbers = {key: given[key] for key in _BOUNDS}
    return Options(
        methods, stage, str(given["split"]), level=level, exact=given["exact"], **numbers
    )
