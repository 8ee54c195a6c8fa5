"""Networks that TorchXRayVision trained on chest X-rays, their input range handled.

Cohen et al.: TorchXRayVision: A library of chest X-ray datasets and models, MIDL 2022. The networks
are torchvision's DenseNet-121 and ResNet-50 with one channel, for pixels in [-1024, 1024]. Their
18 outputs and operating thresholds belong to other questions and are left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medcnn.errors import require_packages
from medcnn.models.stages import Backbone, Stage, chain
from medcnn.models.torchvision_backbones import torchvision_backbone
from medcnn.models.weights import fetch, read_state

XRV_RANGE = 1024.0


class InputRange(nn.Module):
    """Standardised pixels back to [0, 1], and on to [-1024, 1024].

    The statistics are those that the task standardised with (``know``); until it is told, those of
    typical radiographs stand.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("pixel_mean", torch.tensor(0.5))
        self.register_buffer("pixel_std", torch.tensor(0.25))

    def know(self, mean: float, std: float) -> None:
        """Set mean and standard deviation of the training pixels, in [0, 1]."""
        self.pixel_mean.fill_(mean)
        self.pixel_std.fill_(std)

    def forward(self, image_N1HW: Tensor) -> Tensor:
        """Return the images in TorchXRayVision's range."""
        image = image_N1HW * self.pixel_std + self.pixel_mean
        return (2 * image - 1) * XRV_RANGE


def chest_backbone(name: str, *, image_size: int = 224, stem: str = "auto") -> Backbone:
    """Return ``xrv:NAME`` with random weights.

    Args:
        name: ``xrv:`` and a name of ``medcnn.models.names.XRV_NAMES``.
        image_size: Pixels a side; the networks were trained at 224 (DenseNet) or 512 (ResNet).
        stem: ``imagenet``, ``small`` (the resolution is kept) or ``auto``.
    """
    architecture = name.partition(":")[2].partition("-")[0]
    inner = torchvision_backbone(architecture, image_size=image_size, stem=stem)
    body = inner.body
    body.add_module("input_range", InputRange())
    (first, stem_module), *rest = inner.stages
    entrance = chain(input_range=body.get_submodule("input_range"), stem=stem_module)
    stages: list[Stage] = [(first, entrance), *rest]
    return Backbone(name, body, stages=stages, pool=inner.pool, feature_dim=inner.feature_dim)


def chest_state(name: str) -> tuple[dict[str, Tensor], Path]:
    """Return TorchXRayVision's weights of ``xrv:NAME``, and the file they lie in.

    The DenseNets are published as pickled modules. They are read with ``weights_only=True`` and the
    few layer classes of torch and torchxrayvision that they consist of; anything else is refused.

    Raises:
        ConfigError: If torchxrayvision is not installed.
        WeightsError: If the file is neither cached nor to be downloaded, or holds anything else.
    """
    require_packages(("torchxrayvision",), "models", name)
    with warnings.catch_warnings():
        # torchxrayvision silences every warning of the process on import.
        from torchxrayvision import models, utils
    url: str = models.model_urls[name.partition(":")[2]]["weights_url"]
    path = Path(utils.get_cache_dir()).expanduser() / url.rpartition("/")[2]
    fetch(url, path, name)
    layers = [
        getattr(models, kind) for kind in ("DenseNet", "_DenseBlock", "_DenseLayer", "_Transition")
    ]
    return read_state(path, classes=[*layers, *_TORCH_LAYERS]), path


_TORCH_LAYERS: list[Any] = [
    nn.Sequential,
    nn.Conv2d,
    nn.BatchNorm2d,
    nn.ReLU,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.Linear,
    set,
]


def know_pixels(network: nn.Module, mean: float, std: float) -> None:
    """Tell every ``InputRange`` of a network how the pixels were standardised."""
    for module in network.modules():
        if isinstance(module, InputRange):
            module.know(mean, std)


def range_state(own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the part of a state that no published file has: the statistics of the pixels."""
    return {key: value for key, value in own.items() if key.startswith("input_range.")}
