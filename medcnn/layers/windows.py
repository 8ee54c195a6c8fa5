"""Where pooling windows lie in an image: output sizes, borders and offsets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from medcnn.errors import ConfigError

Pair = tuple[int, int]
Slices = tuple[Any, slice, slice]


class Windows(NamedTuple):
    """Where pooling windows lie in an image.

    Args:
        kernel: Rows and columns of a window.
        stride: Step from one window to the next.
        padding: Border on each side that no pixel fills.
        dilation: Distance between neighbouring pixels of a window.
        ceil_mode: Whether a last window may overhang the lower and right border.
    """

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair = (1, 1)
    ceil_mode: bool = False

    def output(self, size: Pair) -> Pair:
        """Return how many windows fit into rows and columns."""
        rows, columns = (self._fit(size[axis], axis) for axis in (0, 1))
        return rows, columns

    def _fit(self, size: int, axis: int) -> int:
        stride, padding = self.stride[axis], self.padding[axis]
        extent = self.dilation[axis] * (self.kernel[axis] - 1) + 1
        free = size + 2 * padding - extent
        count = (-(-free // stride) if self.ceil_mode else free // stride) + 1
        if self.ceil_mode and (count - 1) * stride >= size + padding:
            count -= 1  # torch drops a window that would begin in the right-hand padding
        if count < 1 or size == 0:
            raise RuntimeError(f"a pooling window of extent {extent} does not fit {size} pixels")
        return count

    def border(self, size: Pair) -> tuple[int, int, int, int]:
        """Return the padding that makes all windows lie inside, in the order of ``F.pad``."""
        sides = []
        for axis, count in zip((1, 0), reversed(self.output(size)), strict=True):
            reach = (
                (count - 1) * self.stride[axis] + self.dilation[axis] * (self.kernel[axis] - 1) + 1
            )
            sides += [self.padding[axis], max(0, reach - size[axis] - self.padding[axis])]
        left, right, top, bottom = sides
        return left, right, top, bottom

    def offsets(self, output: Pair) -> Iterator[Slices]:
        """Yield, for each pixel of a window in row order, where it lies in the padded image."""
        for row in range(self.kernel[0]):
            for column in range(self.kernel[1]):
                yield (
                    ...,
                    self._slice(row, 0, output[0]),
                    self._slice(column, 1, output[1]),
                )

    def _slice(self, index: int, axis: int, count: int) -> slice:
        start = index * self.dilation[axis]
        return slice(start, start + (count - 1) * self.stride[axis] + 1, self.stride[axis])


def pair(value: int | tuple[int, ...]) -> Pair:
    """Return one number for both axes, or a pair as it is."""
    first, second = (value, value) if isinstance(value, int) else value
    return first, second


def checked_padding(windows: Windows) -> Windows:
    """Return ``windows`` if every one of them holds a pixel.

    Raises:
        ConfigError: If the padding is more than half of the window.
    """
    if any(2 * p > k for p, k in zip(windows.padding, windows.kernel, strict=True)):
        raise ConfigError(
            "The padding of a pooling layer is too wide.",
            expected="at most half of the window",
            found=f"padding {windows.padding} for a window of {windows.kernel}",
            remedy="a window must always hold a pixel; take a smaller padding",
        )
    return windows
