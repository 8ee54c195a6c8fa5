"""Where windows lie in an image: how many there are, their borders and offsets.

With n pixels, a window of width F, stride S and P zeros on either side, the last window has to end
where the padded image ends: (n' - 1)·S + F = n + 2P, so n' = (n + 2P - F)/S + 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from medcnn.errors import ConfigError

Pair = tuple[int, int]
Slices = tuple[Any, slice, slice]


class Window(NamedTuple):
    """What slides over one axis of an image.

    Attributes:
        size: F.
        stride: S.
        padding: P, pixels on either side that are not the image's.
        dilation: Distance between neighbouring pixels of the window.
        ceil: Whether n' is rounded up, so that the last window may overhang the end.
    """

    size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    ceil: bool = False

    @property
    def span(self) -> int:
        """Pixels from the first of the window to the last, both included: F where dilated."""
        return self.dilation * (self.size - 1) + 1

    def places(self, n: int) -> int:
        """Return n', how many windows there are on n pixels; below 1 where none fits.

        >>> Window(5, stride=1, padding=2).places(32)
        32
        >>> Window(2, stride=2).places(224)
        112
        """
        room = n + 2 * self.padding - self.span
        if not self.ceil:
            return room // self.stride + 1
        places = -(-room // self.stride) + 1
        # The last window may not begin in the padding at the end (torch's rule for ceil_mode).
        return places - 1 if (places - 1) * self.stride >= n + self.padding else places


class Windows(NamedTuple):
    """What slides over the rows and over the columns of an image."""

    rows: Window
    columns: Window

    def output(self, size: Pair) -> Pair:
        """Return how many windows fit into rows and columns.

        Raises:
            RuntimeError: If none does, as torch has it.
        """
        counts = self.rows.places(size[0]), self.columns.places(size[1])
        if min(counts) < 1 or min(size) == 0:
            spans = self.rows.span, self.columns.span
            raise RuntimeError(f"a window of {spans} does not fit into an image of {size} pixels")
        return counts

    def border(self, size: Pair) -> tuple[int, int, int, int]:
        """Return the padding that makes all windows lie inside, in the order of ``F.pad``."""
        reaches = [
            (count - 1) * axis.stride + axis.span
            for axis, count in zip(self, self.output(size), strict=True)
        ]
        bottom, right = (
            max(0, reach - pixels - axis.padding)
            for axis, reach, pixels in zip(self, reaches, size, strict=True)
        )
        return self.columns.padding, right, self.rows.padding, bottom

    def offsets(self, output: Pair) -> Iterator[Slices]:
        """Yield, for each pixel of a window in row order, where it lies in the padded image."""
        for row in range(self.rows.size):
            for column in range(self.columns.size):
                yield (
                    ...,
                    _every_step(self.rows, row, output[0]),
                    _every_step(self.columns, column, output[1]),
                )


def _every_step(axis: Window, index: int, count: int) -> slice:
    start = index * axis.dilation
    return slice(start, start + (count - 1) * axis.stride + 1, axis.stride)


def windows(
    size: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    *,
    ceil: bool = False,
) -> Windows:
    """Return the windows over rows and columns; each option is one number for both, or a pair."""
    rows, columns = (
        Window(width, step, zeros, gap, ceil)
        for width, step, zeros, gap in zip(
            pair(size), pair(stride), pair(padding), pair(dilation), strict=True
        )
    )
    return Windows(rows, columns)


def pair(value: int | Sequence[int]) -> Pair:
    """Return one number for both axes, or a pair as it is."""
    values = (value,) if isinstance(value, int) else tuple(value)
    first, second = values * 2 if len(values) == 1 else values
    return first, second


def checked_padding(pooling: Windows) -> Windows:
    """Return ``pooling`` if every one of its windows holds a pixel.

    Raises:
        ConfigError: If the padding is more than half of the window.
    """
    if any(2 * axis.padding > axis.size for axis in pooling):
        raise ConfigError(
            "The padding of a pooling layer is too wide.",
            expected="at most half of the window",
            found=f"padding {[axis.padding for axis in pooling]} for a window of "
            f"{[axis.size for axis in pooling]}",
            remedy="a window must always hold a pixel; take a smaller padding",
        )
    return pooling
