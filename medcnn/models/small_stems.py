"""Stems that keep the resolution of small images, of 28 to 64 pixels.

The first stride becomes 1 (2 in networks that cut the image into patches of 4) and the pooling of the
stem is left out. Where the first filters are 7×7 (ResNet, DenseNet), 3×3 take their place, drawn
anew; elsewhere pretrained filters stay. Vision transformers and MaxViT keep their stem, for which
their positions and windows are made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import nn


def keep_resolution(body: nn.Module, family: str) -> None:
    """Change the stem of one of torchvision's networks, which sees one channel already."""
    if family in _STEMS:
        _STEMS[family](body)


def _fresh_conv(old: nn.Conv2d, mode: Literal["fan_in", "fan_out"]) -> nn.Conv2d:
    conv = nn.Conv2d(1, old.out_channels, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode=mode, nonlinearity="relu")
    return conv


def _resnet_small(body: nn.Module) -> None:
    body.conv1 = _fresh_conv(_first_conv(body), "fan_out")
    body.maxpool = nn.Identity()


def _densenet_small(body: nn.Module) -> None:
    features = body.get_submodule("features")
    features.conv0 = _fresh_conv(_first_conv(body), "fan_in")
    features.pool0 = nn.Identity()


def _first_conv(body: nn.Module) -> nn.Conv2d:
    return next(module for module in body.modules() if isinstance(module, nn.Conv2d))


def _unit_stride(body: nn.Module) -> None:
    _first_conv(body).stride = (1, 1)


def _half_patch(body: nn.Module) -> None:
    conv = _first_conv(body)
    conv.stride, conv.padding = (2, 2), (1, 1)


def _vgg_small(body: nn.Module) -> None:
    features = body.get_submodule("features")
    first = next(n for n, module in features.named_children() if isinstance(module, nn.MaxPool2d))
    setattr(features, first, nn.Identity())


def _inception_small(body: nn.Module) -> None:
    _unit_stride(body)
    body.maxpool1 = nn.Identity()
    if hasattr(body, "Mixed_5b"):
        body.maxpool2 = nn.Identity()


_STEMS: dict[str, Callable[[nn.Module], None]] = {
    "resnet": _resnet_small,
    "resnext": _resnet_small,
    "wide_resnet": _resnet_small,
    "densenet": _densenet_small,
    "efficientnet": _unit_stride,
    "efficientnet_v2": _unit_stride,
    "mobilenet_v2": _unit_stride,
    "mobilenet_v3": _unit_stride,
    "regnet": _unit_stride,
    "convnext": _half_patch,
    "swin": _half_patch,
    "swin_v2": _half_patch,
    "vgg": _vgg_small,
    "alexnet": _unit_stride,
    "inception": _inception_small,
    "googlenet": _inception_small,
}
