"""Named lists of fixed views of an image, for test-time augmentation.

A view is an augmentation whose ranges have no width: the same operators, and nothing random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medcnn.augment.pipeline import Augmentation
from medcnn.errors import unknown_name

if TYPE_CHECKING:
    from torch import Tensor

Options = dict[str, dict[str, Any]]

WINDOW = 0.9
"""Side of a cropped view as a fraction of the image's."""


def _fixed(value: float) -> tuple[float, float]:
    return value, value


def _turn(degrees: float) -> Options:
    return {"rotation": {"degrees": _fixed(degrees)}}


def _zoom(factor: float, x: float = 0.0, y: float = 0.0) -> Options:
    return {"scale": {"factor": _fixed(factor)}, "translation": {"x": _fixed(x), "y": _fixed(y)}}


def _move(x: float, y: float) -> Options:
    return {"translation": {"x": _fixed(x), "y": _fixed(y)}}


def _expose(exponent: float) -> Options:
    return {"gamma": {"exponent": _fixed(exponent)}}


_SHIFT = (1 - WINDOW) / 2 / WINDOW
_ORIGINAL: dict[str, Options] = {"original": {}}
_TURNS = {"turned left 4°": _turn(4), "turned right 4°": _turn(-4)}
_ZOOMS = {"larger 5 %": _zoom(1.05), "smaller 5 %": _zoom(1 / 1.05)}
_SHIFTS = {
    "moved right 5 %": _move(0.05, 0),
    "moved left 5 %": _move(-0.05, 0),
    "moved down 5 %": _move(0, 0.05),
    "moved up 5 %": _move(0, -0.05),
}
_EXPOSURES = {"brighter": _expose(0.85), "darker": _expose(1 / 0.85)}
_FLIPS: dict[str, Options] = {"mirrored": {"flip": {"p": 1.0, "axis": "horizontal"}}}
_CROPS = {
    "centre": _zoom(1 / WINDOW),
    "top left": _zoom(1 / WINDOW, _SHIFT, _SHIFT),
    "top right": _zoom(1 / WINDOW, -_SHIFT, _SHIFT),
    "bottom left": _zoom(1 / WINDOW, _SHIFT, -_SHIFT),
    "bottom right": _zoom(1 / WINDOW, -_SHIFT, -_SHIFT),
}

VIEWS: dict[str, dict[str, Options]] = {
    "none": _ORIGINAL,
    "light": _ORIGINAL | _TURNS | _ZOOMS,
    "rotations": _ORIGINAL | _TURNS,
    "scales": _ORIGINAL | _ZOOMS,
    "shifts": _ORIGINAL | _SHIFTS,
    "exposure": _ORIGINAL | _EXPOSURES,
    "crops": _ORIGINAL | _CROPS,
    "flips": _ORIGINAL | _FLIPS,
    "full": _ORIGINAL | _TURNS | _ZOOMS | _EXPOSURES | _CROPS,
}
"""Views by the name of their list; only ``flips`` gives up laterality."""


@dataclass(frozen=True)
class View:
    """One way of looking at an image.

    Attributes:
        name: What was done, in words.
        augmentation: The operators that do it.
    """

    name: str
    augmentation: Augmentation

    def apply_tensor(self, image_N1HW: Tensor) -> Tensor:
        """Return the images in this view, in [0, 1] on their device."""
        height, width = image_N1HW.shape[-2:]
        parameters = self.augmentation.draw(
            np.random.default_rng(0), len(image_N1HW), (height, width)
        )
        return self.augmentation.apply_tensor(image_N1HW, parameters)


def views(name: str) -> list[View]:
    """Return a named list of views; the first one is always the original.

    Raises:
        ConfigError: If there is no such list.

    >>> [view.name for view in views("flips")]
    ['original', 'mirrored']
    """
    if name not in VIEWS:
        raise unknown_name("list of views", name, VIEWS)
    return [
        View(title, Augmentation(operators, border="border"))
        for title, operators in VIEWS[name].items()
    ]
