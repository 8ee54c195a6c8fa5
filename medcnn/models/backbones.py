"""Backbones by name, behind one interface: image N×1×H×W to features N×D.

torchvision's networks lose their classifier and see one channel; the stem of RGB weights is summed
over its channels, which is what three equal channels would have given.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torchvision
from torch import Tensor, nn

from medcnn.models.names import CONVNEXTS, DENSENETS, EFFICIENTNETS, check_backbone

SMALL_IMAGE = 64


class Backbone(nn.Module):
    """A torchvision network without its classifier.

    Args:
        name: One of ``medcnn.models.names.BACKBONES``.
        small_stem: Whether the first convolution keeps the resolution and the first pooling is left
            out (ResNets only), for images of 28 to 64 pixels.
    """

    def __init__(self, name: str, *, small_stem: bool = False) -> None:
        super().__init__()
        check_backbone(name)
        self.name = name
        self.body = torchvision.models.get_model(name, weights=None)
        self.feature_dim = _remove_classifier(self.body, name)
        _one_channel(self.body)
        if small_stem and hasattr(self.body, "maxpool"):
            self.body.conv1 = nn.Conv2d(1, self.body.conv1.out_channels, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(self.body.conv1.weight, mode="fan_out", nonlinearity="relu")
            self.body.maxpool = nn.Identity()

    def forward(self, image_N1HW: Tensor) -> Tensor:
        """Return the pooled features, N×D."""
        features: Tensor = self.body(image_N1HW)
        return features

    @property
    def stages(self) -> list[tuple[str, nn.Module]]:
        """The stages from input to output, by name."""
        inner = getattr(self.body, "features", None)
        if isinstance(inner, nn.Sequential):
            return [(f"features.{name}", module) for name, module in inner.named_children()]
        return [
            (name, module)
            for name, module in self.body.named_children()
            if any(True for _ in module.parameters())
        ]


def one_channel_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights for one input channel: RGB convolutions are summed over their channels."""
    return {
        key: value.sum(1, keepdim=True) if value.ndim == 4 and value.shape[1] == 3 else value
        for key, value in state.items()
    }


def _remove_classifier(body: nn.Module, name: str) -> int:
    """Replace the last linear layer by nothing and return the width of its input."""
    # Only ConvNeXt's classifier also normalises and flattens, so there the last layer alone goes.
    attribute = "classifier" if name in (*DENSENETS, *EFFICIENTNETS, *CONVNEXTS) else "fc"
    classifier = body.get_submodule(attribute)
    linear = list(classifier.modules())[-1]
    if not isinstance(linear, nn.Linear):
        raise AssertionError(f"{name} does not end in a linear layer")
    if name in CONVNEXTS and isinstance(classifier, nn.Sequential):
        classifier[-1] = nn.Identity()
    else:
        setattr(body, attribute, nn.Identity())
    return linear.in_features


def _one_channel(body: nn.Module) -> None:
    for parent in body.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv2d) and child.in_channels == 3:
                narrow = nn.Conv2d(
                    1,
                    child.out_channels,
                    (child.kernel_size[0], child.kernel_size[1]),
                    (child.stride[0], child.stride[1]),
                    _pair(child.padding),
                    bias=child.bias is not None,
                )
                with torch.no_grad():
                    narrow.weight.copy_(child.weight.sum(1, keepdim=True))
                    if child.bias is not None and narrow.bias is not None:
                        narrow.bias.copy_(child.bias)
                setattr(parent, name, narrow)
                return


def _pair(padding: str | tuple[int, ...]) -> str | tuple[int, int]:
    return padding if isinstance(padding, str) else (padding[0], padding[1])
