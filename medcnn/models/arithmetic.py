"""The arithmetic of convolutional networks: sizes, parameters, multiply-adds, receptive fields.

With n pixels, filter width F, stride S and P zeros on either side, n' = (n + 2P - F)/S + 1 (see
``medcnn.layers.windows``). Where that is no whole number it is rounded down, and the last pixels are
not seen.

Dimensions: C channels, F×F filter, h×w places.
"""

from __future__ import annotations

from dataclasses import dataclass

from medcnn.errors import ConfigError
from medcnn.layers.windows import Window


def output_size(n: int, window: Window) -> int:
    """Return n', how many places a window has on an axis of n pixels.

    Raises:
        ConfigError: If the window does not fit even once.
    """
    places = window.places(n)
    if places < 1:
        raise ConfigError(
            f"A window of {window.span} does not fit on {n} pixels.",
            expected=f"at least {window.span - 2 * window.padding} pixels there",
            found=f"{n} pixels with {window.padding} of padding on either side",
            remedy="give a larger data.image_size, a smaller kernel, or fewer stages",
        )
    return places


def size_working(n: int, window: Window) -> str:
    """Return the calculation of n' as text.

    >>> size_working(32, Window(5, stride=1, padding=2))
    '(32 + 2·2 - 5)/1 + 1 = 32'
    """
    places = window.places(n)
    return f"({n} + 2·{window.padding} - {window.span})/{window.stride} + 1 = {places}"


def convolution_parameters(
    inputs: int, outputs: int, filter_hw: tuple[int, int], *, groups: int = 1, bias: bool = True
) -> int:
    """Return the learnable numbers of a convolution.

    >>> convolution_parameters(3, 10, (5, 5))
    760
    """
    return outputs * (inputs // groups * filter_hw[0] * filter_hw[1] + int(bias))


def convolution_multiply_adds(
    inputs: int, output_Chw: tuple[int, int, int], filter_hw: tuple[int, int], *, groups: int = 1
) -> int:
    """Return the multiply-adds of a convolution: one inner product for each number of the output.

    >>> convolution_multiply_adds(3, (10, 32, 32), (5, 5))
    768000
    """
    channels, height, width = output_Chw
    return channels * height * width * (inputs // groups) * filter_hw[0] * filter_hw[1]


@dataclass(frozen=True)
class Field:
    """The receptive field along one axis.

    Attributes:
        size: Pixels of the image that one place of the map depends on.
        jump: Pixels of the image from one place of the map to the next.
    """

    size: int = 1
    jump: int = 1

    def through(self, window: Window) -> Field:
        """Return the field after one more window.

        >>> Field().through(Window(3)).through(Window(3)).size
        5
        """
        return Field(self.size + (window.span - 1) * self.jump, self.jump * window.stride)

    def joined(self, other: Field) -> Field:
        """Return the field where two branches meet: the larger."""
        return Field(max(self.size, other.size), max(self.jump, other.jump))
