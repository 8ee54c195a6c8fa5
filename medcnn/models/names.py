"""The names of the backbones, known without importing torch."""

from __future__ import annotations

from medcnn.errors import unknown_name

RESNETS = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "wide_resnet50_2",
    "wide_resnet101_2",
)
DENSENETS = ("densenet121", "densenet161", "densenet169", "densenet201")
EFFICIENTNETS = (
    *(f"efficientnet_b{size}" for size in range(8)),
    "efficientnet_v2_s",
    "efficientnet_v2_m",
    "efficientnet_v2_l",
)
CONVNEXTS = ("convnext_tiny", "convnext_small", "convnext_base", "convnext_large")
BACKBONES = (*RESNETS, *DENSENETS, *EFFICIENTNETS, *CONVNEXTS)


def check_backbone(name: str) -> None:
    """Raise ConfigError if there is no backbone of that name, naming the nearest."""
    if name not in BACKBONES:
        raise unknown_name("backbone", name, BACKBONES)
