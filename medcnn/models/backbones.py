"""Backbones by name, whatever library they come from, behind the one interface of ``stages``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from medcnn.models.checks import check_options
from medcnn.models.chest_backbones import chest_backbone
from medcnn.models.custom import custom_backbone
from medcnn.models.names import CUSTOM, check_backbone, family_of
from medcnn.models.stages import Backbone
from medcnn.models.timm_backbones import timm_backbone
from medcnn.models.tiny_resnet import tiny_resnet
from medcnn.models.torchvision_backbones import torchvision_backbone
from medcnn.models.xray_cnn import xray_cnn
from medcnn.models.xray_cnn_plan import Plan


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
    options["image_size"] = image_size
    if name == CUSTOM:
        return custom_backbone(**options)
    if name == "xray_cnn":
        check_options(name, Plan, options)
        return xray_cnn(Plan(**options))
    constructor = _constructor(name)
    if "stem" in inspect.signature(constructor).parameters:
        options["stem"] = stem
    check_options(name, constructor, options)
    return constructor(**options)


def _constructor(name: str) -> Callable[..., Backbone]:
    family = family_of(name)
    if family == "own":
        return tiny_resnet
    libraries = {"timm": timm_backbone, "xrv": chest_backbone}
    return partial(libraries.get(family, torchvision_backbone), name)
