"""A convolutional autoencoder around any backbone: its encoder then starts a classifier.

Parts of the image are hidden (He et al., Masked autoencoders are scalable vision learners, CVPR 2022,
here with square patches in pixel space) or noise is added, and the decoder has to recreate the clean
image from the maps of the backbone's last stage.

Dimensions: N images, one channel, H×W pixels, C maps of h×w places.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from medcnn.errors import ConfigError
from medcnn.models.backbones import build_backbone
from medcnn.models.settings import Model
from medcnn.models.stages import Backbone, map_shape


class Decoder(nn.Module):
    """Maps to an image, doubling the resolution by bilinear interpolation and 3×3 convolutions.

    Args:
        maps: C, of the encoder.
        places: h, of the encoder.
        image_size: H.
        width: Channels of the last block; each block before it has twice as many, up to C.
    """

    def __init__(self, maps: int, places: int, image_size: int, width: int = 16) -> None:
        super().__init__()
        doublings = max(1, math.ceil(math.log2(image_size / places)))
        widths = [min(maps, width * 2 ** (doublings - 1 - place)) for place in range(doublings)]
        blocks: list[nn.Module] = []
        for before, after in zip([maps, *widths[:-1]], widths, strict=True):
            blocks += [
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.blocks = nn.Sequential(*blocks)
        self.out = nn.Conv2d(widths[-1], 1, 3, padding=1)
        self.image_size = image_size

    def forward(self, maps_NChw: Tensor) -> Tensor:
        """Return the image, N×1×H×W."""
        hidden = self.blocks(maps_NChw)
        if hidden.shape[-1] != self.image_size:
            size = (self.image_size, self.image_size)
            hidden = nn.functional.interpolate(hidden, size, mode="bilinear", align_corners=False)
        image: Tensor = self.out(hidden)
        return image


class ConvAutoencoder(nn.Module):
    """Corrupted image to clean image, through a backbone.

    Args:
        backbone: The encoder; the classifier that it starts has it under the same name.
        image_size: Pixels a side.
        masking: Share of the patches that is hidden, in [0, 1).
        patch: Pixels a side of a patch.
        noise: Standard deviation of added Gaussian noise, in units of the training pixels' own.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        image_size: int,
        masking: float = 0.5,
        patch: int = 8,
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= masking < 1 or noise < 0 or not 1 <= patch <= image_size:
            raise ConfigError(
                "The corruption of the autoencoder does not fit.",
                expected="0 <= masking < 1, noise >= 0 and patch from 1 to the image size",
                found=f"masking={masking}, noise={noise}, patch={patch}",
            )
        self.backbone = backbone
        self.masking, self.patch, self.noise = masking, patch, noise
        maps, places, _ = map_shape(backbone, backbone.stages[-1][0], image_size)
        self.decoder = Decoder(maps, places, image_size)

    def encode(self, image_N1HW: Tensor) -> Tensor:
        """Return the maps of the last stage, N×C×h×w."""
        last = self.backbone.stages[-1][0]
        return self.backbone.as_map(self.backbone.up_to(last, image_N1HW))

    def forward(self, image_N1HW: Tensor) -> Tensor:
        """Return the reconstruction, N×1×H×W."""
        image: Tensor = self.decoder(self.encode(image_N1HW))
        return image

    def corrupt(self, image_N1HW: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the corrupted images, and where pixels are hidden (N×1×H×W, 1 is hidden).

        Hidden pixels are 0, the mean of the standardised training images.
        """
        n, _, height, width = image_N1HW.shape
        device = image_N1HW.device
        rows, columns = -(-height // self.patch), -(-width // self.patch)
        drawn = torch.rand(n, 1, rows, columns, generator=generator) < self.masking
        hidden = drawn.repeat_interleave(self.patch, 2).repeat_interleave(self.patch, 3)
        mask = hidden[..., :height, :width].to(device, image_N1HW.dtype)
        dirty = image_N1HW
        if self.noise:
            drawn_noise = torch.randn(image_N1HW.shape, generator=generator).to(device)
            dirty = dirty + self.noise * drawn_noise
        return dirty * (1 - mask), mask


def build_autoencoder(model: Model, *, masking: float, patch: int, noise: float) -> ConvAutoencoder:
    """Return an autoencoder around the backbone that a ``model`` group describes, untrained.

    Args:
        model: The group; what concerns the classifier's head and weights is left out.
        masking: See ``ConvAutoencoder``, as are ``patch`` and ``noise``.
        patch: Pixels a side of a hidden patch.
        noise: Standard deviation of the noise.
    """
    backbone = build_backbone(str(model.backbone), **model.architecture)
    return ConvAutoencoder(
        backbone, image_size=model.image_size, masking=masking, patch=patch, noise=noise
    )
