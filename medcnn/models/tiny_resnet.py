"""A small residual network for small images, or for a CPU.

He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016, section 4.2 (the
networks for CIFAR-10: a 3×3 stem, three stages, global average pooling), with widths of one's own.

Dimensions: N images, one channel, H×W pixels, C channels.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from medcnn.layers.convolution import SubsampledConv2d
from medcnn.models.checks import check_tiny_resnet
from medcnn.models.stages import Backbone, GlobalAverage

FULL_RESOLUTION = 32
"""Up to this many pixels a side the stem keeps the resolution …"""
HALF_RESOLUTION = 64
"""… up to this many it halves it, and beyond it leaves a quarter."""


SAFE_INPUTS = 8
"""Channels from which on torch's strided 1×1 convolution may be trained on any processor."""


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut, which is a 1×1 convolution where the shape changes.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        stride: Of the first convolution and of the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            convolution = nn.Conv2d if inputs >= SAFE_INPUTS else SubsampledConv2d
            self.shortcut = nn.Sequential(
                convolution(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """Return the maps after the block; the stride divides their size."""
        hidden = self.relu(self.bn1(self.conv1(maps_NCHW)))
        out: Tensor = self.relu(self.bn2(self.conv2(hidden)) + self.shortcut(maps_NCHW))
        return out


def tiny_resnet(
    *,
    widths: Sequence[int] = (24, 48, 96),
    blocks: int = 1,
    image_size: int = 64,
    stem: str = "auto",
) -> Backbone:
    """Return the network: a stem, and a stage for each width that halves the resolution.

    Args:
        widths: Channels of the stages; the first keeps the resolution of the stem.
        blocks: Residual blocks in each stage.
        image_size: Pixels a side; decides ``stem=auto``.
        stem: ``small`` keeps the resolution; ``imagenet`` halves it, and quarters that of images
            above 64 pixels; ``auto`` is ``small`` up to 32 pixels.

    Raises:
        ConfigError: If a width or the number of blocks is not a positive whole number.
    """
    check_tiny_resnet(widths, blocks)
    keeps = stem == "small" or (stem == "auto" and image_size <= FULL_RESOLUTION)
    smaller = 2 if image_size <= HALF_RESOLUTION else 4
    body = nn.Sequential(OrderedDict(stem=_stem(widths[0], 1 if keeps else smaller)))
    inputs = widths[0]
    for number, width in enumerate(widths, 1):
        stride = 1 if number == 1 else 2
        members = [
            ResidualBlock(inputs if not place else width, width, 1 if place else stride)
            for place in range(blocks)
        ]
        body.add_module(f"layer{number}", nn.Sequential(*members))
        inputs = width
    _initialise(body)
    return Backbone(
        "tiny_resnet",
        body,
        stages=list(body.named_children()),
        pool=GlobalAverage(),
        feature_dim=inputs,
    )


def _stem(width: int, smaller: int) -> nn.Sequential:
    """Return the first layers, which divide the resolution by 1, 2 or 4."""
    size, stride = (5, 2) if smaller == 4 else (3, smaller)
    layers = OrderedDict(
        conv=nn.Conv2d(1, width, size, stride, size // 2, bias=False),
        bn=nn.BatchNorm2d(width),
        relu=nn.ReLU(),
    )
    if smaller == 4:
        layers["pool"] = nn.MaxPool2d(2)
    return nn.Sequential(layers)


def _initialise(body: nn.Module) -> None:
    """Draw by He et al. 2015; each block starts as its shortcut (Goyal et al. 2017, section 5.1)."""
    for module in body.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    for module in body.modules():
        if isinstance(module, ResidualBlock):
            nn.init.zeros_(module.bn2.weight)
