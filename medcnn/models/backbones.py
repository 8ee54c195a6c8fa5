"""Backbones by name, whatever library they come from, behind the one interface of ``stages``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from medcnn.errors import ConfigError
from medcnn.models.chest_backbones import chest_backbone
from medcnn.models.names import check_backbone, family_of
from medcnn.models.stages import Backbone
from medcnn.models.timm_backbones import timm_backbone
from medcnn.models.tiny_resnet import tiny_resnet
from medcnn.models.torchvision_backbones import torchvision_backbone
from medcnn.models.xray_cnn import xray_cnn

_OWN: dict[str, Callable[..., Backbone]] = {"tiny_resnet": tiny_resnet, "xray_cnn": xray_cnn}


def build_backbone(
    name: str, *, image_size: int = 224, stem: str = "auto", **options: Any
) -> Backbone:
    """Return a backbone by name, with random weights.

    Args:
        name: A name of ``medcnn.models.names.BACKBONES``.
        image_size: Pixels a side.
        stem: ``imagenet``, ``small`` (the resolution is kept) or ``auto``.
        options: What the architecture lets one choose, such as ``widths`` of ``tiny_resnet``.

    Raises:
        ConfigError: If the name is unknown, or an option or the image size does not fit.
    """
    check_backbone(name)
    family = family_of(name)
    libraries = {"timm": timm_backbone, "xrv": chest_backbone}
    constructor: Callable[..., Backbone]
    if family == "own":
        constructor = _OWN[name]
    else:
        constructor = partial(libraries.get(family, torchvision_backbone), name)
    if "stem" in inspect.signature(constructor).parameters:
        options["stem"] = stem
    return _with_options(name, constructor, image_size=image_size, **options)


def _with_options(name: str, constructor: Callable[..., Backbone], **options: Any) -> Backbone:
    known = inspect.signature(constructor).parameters
    strange = sorted(set(options) - set(known))
    if strange:
        open_to = sorted(set(known) - {"image_size", "stem"})
        raise ConfigError(
            f"{name} has no option {strange[0]!r}.",
            expected=", ".join(f"model.{option}" for option in open_to) or "no further options",
            found=f"model.{strange[0]}={options[strange[0]]!r}",
            remedy=f"leave model.{strange[0]} out, or choose model=NAME of the architecture",
        )
    return constructor(**options)
