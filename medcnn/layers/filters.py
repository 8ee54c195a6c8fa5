"""Fixed filter banks: the classical 3×3 kernels, as a stem that has nothing to learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medcnn.errors import unknown_name
from medcnn.layers.convolution import apply_conv2d
from medcnn.layers.example import Example, reference_of
from medcnn.layers.precision import as_autocast

Kernel = tuple[tuple[float, float, float], ...]

FILTERS: dict[str, tuple[Kernel, float]] = {
    "identity": (((0, 0, 0), (0, 1, 0), (0, 0, 0)), 1),
    "edge_vertical": (((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)), 1),
    "edge_horizontal": (((-1, -1, -1), (0, 0, 0), (1, 1, 1)), 1),
    "edge_diagonal": (((1, 0, -1), (0, 0, 0), (-1, 0, 1)), 1),
    "sobel_vertical": (((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)), 1),
    "sobel_horizontal": (((-1, -2, -1), (0, 0, 0), (1, 2, 1)), 1),
    "laplacian": (((0, 1, 0), (1, -4, 1), (0, 1, 0)), 1),
    "laplacian_diagonal": (((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)), 1),
    "sharpen": (((0, -1, 0), (-1, 5, -1), (0, -1, 0)), 1),
    "box_blur": (((1, 1, 1), (1, 1, 1), (1, 1, 1)), 9),
    "gaussian_blur": (((1, 2, 1), (2, 4, 2), (1, 2, 1)), 16),
}
"""Integer kernels and the number that each is divided by. ``edge_vertical`` finds vertical edges;
kernels are applied as networks do, by cross-correlation."""


def kernel(name: str) -> Tensor:
    """Return one 3×3 kernel in float32.

    Raises:
        ConfigError: If there is no filter of that name.

    >>> kernel("sharpen").sum().item()
    1.0
    """
    if name not in FILTERS:
        raise unknown_name("filter", name, FILTERS)
    values, divisor = FILTERS[name]
    return torch.tensor(values, dtype=torch.float32) / divisor


class FilterBank(nn.Module):
    """Applies every filter to every channel; the size of the image stays.

    The border is extended by its own pixels, since zeros would put an edge around every image.
    The gradient to the image is that of ``Conv2dFunction``; the kernels are buffers.

    Args:
        names: Filters to apply, by default all of ``FILTERS``.
        in_channels: Channels of the image.

    Raises:
        ConfigError: If there is no filter of a name.
    """

    weight: Tensor
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, (2, 1, 6, 5), (8, 1, 64, 64)),
        Example({"names": ["sobel_vertical", "box_blur"], "in_channels": 3}, (2, 3, 5, 5)),
    )

    def __init__(self, names: Sequence[str] | None = None, in_channels: int = 1) -> None:
        super().__init__()
        self.names = tuple(FILTERS if names is None else names)
        bank = torch.stack([kernel(name) for name in self.names])[:, None]
        self.register_buffer("weight", bank.repeat(in_channels, 1, 1, 1))
        self.in_channels = in_channels

    @property
    def out_channels(self) -> int:
        """How many channels come out: filters × channels, all filters of a channel together."""
        return len(self.weight)

    def convolve(self, padded: Tensor) -> Tensor:
        """Return the filtered channels of an image that has its border."""
        one, none = (1, 1), (0, 0)
        image, bank = as_autocast(padded), as_autocast(self.weight)
        return apply_conv2d(image, bank, None, one, none, one, self.in_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return N×(C·filters)×H×W responses to N×C×H×W ``x``."""
        return self.convolve(F.pad(x, (1, 1, 1, 1), mode="replicate"))

    def extra_repr(self) -> str:
        """Return the options, for ``print(model)``."""
        return f"{', '.join(self.names)}; in_channels={self.in_channels}"


@reference_of(FilterBank)
class TorchFilterBank(FilterBank):
    """The same bank by ``torch.nn.functional.conv2d``."""

    def convolve(self, padded: Tensor) -> Tensor:
        """Return the filtered channels of an image that has its border."""
        return F.conv2d(padded, self.weight, groups=self.in_channels)
