"""Operators that look at a pixel's neighbourhood, or add to it: noise, blur and sharpening.

Each has a CPU form for one uint8 or uint16 image and a batched form for tensors. Dimensions: N
images, H×W pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from medcnn.augment.operator import Operator, Range, Values, drawn, number
from medcnn.augment.resampling import Images

if TYPE_CHECKING:
    from torch import Tensor

BANK_SIDE = 1024
REACH = 3.0
"""A Gaussian is cut off at so many standard deviations, where its density is 1 % of the peak's."""


@dataclass(kw_only=True)
class Filter(Operator):
    """An operator with a form for one integer image and one for a batch of tensors."""

    def image(self, image_HW: Images, values: Values, /) -> Images:
        """Return one changed image; ``values`` are those of this image alone."""
        raise NotImplementedError

    def tensor(self, image_N1HW: Tensor, values: Values, /) -> Tensor:
        """Return the changed images, in [0, 1]."""
        raise NotImplementedError


@dataclass(kw_only=True)
class Painting(Filter):
    """An operator that puts grey values in the place of some pixels, in the same way in both forms."""

    def paint(self, image_HW: Any, values: Values, grey: Callable[[float], float], /) -> None:
        """Paint one image, an array or a tensor, in place.

        Args:
            image_HW: The image.
            values: Of this image alone.
            grey: Turns a share of the grey range into the image's own value.
        """
        raise NotImplementedError

    def image(self, image_HW: Images, values: Values, /) -> Images:
        """Return one painted image."""
        changed, peak = image_HW.copy(), int(np.iinfo(image_HW.dtype).max)
        self.paint(changed, values, lambda share: round(share * peak))
        return changed

    def tensor(self, image_N1HW: Tensor, values: Values, /) -> Tensor:
        """Return the painted images."""
        changed = image_N1HW.clone()
        for row, image in enumerate(changed[:, 0]):
            self.paint(image, {key: array[row] for key, array in values.items()}, float)
        return changed


@dataclass(kw_only=True)
class Noise(Filter):
    """Add white Gaussian noise.

    The noise of an image is a random window of a fixed bank of standard normal numbers: drawing
    fresh numbers for each pixel would cost more than all other operators together, and would not be
    the same on a CPU and on a device.

    Args:
        sd: Largest standard deviation, or ``(low, high)``, as a fraction of the grey range.
    """

    sd: Range = drawn((0.0, 0.02), 0, 1)

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw standard deviations and the windows' places, as fractions of the bank's margin."""
        return {**super().draw_values(rng, n), "place": rng.random((n, 2))}

    def image(self, image_HW: Images, values: Values, /) -> Images:
        """Return one noisy image, rounded to whole grey levels."""
        size = image_HW.shape
        peak = float(np.iinfo(image_HW.dtype).max)
        top, left = _window(values["place"], size)
        noise = noise_bank(_bank_side(size))[top : top + size[0], left : left + size[1]]
        kind = cv2.CV_8U if image_HW.dtype == np.uint8 else cv2.CV_16U
        noisy = cv2.addWeighted(image_HW, 1, noise, float(values["sd"]) * peak, 0, dtype=kind)
        return np.asarray(noisy, image_HW.dtype)

    def tensor(self, image_N1HW: Tensor, values: Values, /) -> Tensor:
        """Return the noisy images."""
        import torch

        size = tuple(image_N1HW.shape[-2:])
        bank = noise_bank(_bank_side(size))
        corners = [_window(place, size) for place in values["place"]]
        windows = np.stack([bank[t : t + size[0], x : x + size[1]] for t, x in corners])
        sd = torch.as_tensor(values["sd"][:, None, None] * 1.0, dtype=torch.float32)
        noise = (torch.as_tensor(windows) * sd).unsqueeze(1).to(image_N1HW)
        return (image_N1HW + noise).clip(0, 1)


@lru_cache(maxsize=2)
def noise_bank(side: int) -> npt.NDArray[np.float32]:
    """Return the fixed standard normal numbers, ``side``×``side``."""
    return np.random.default_rng(20).standard_normal((side, side), dtype=np.float32)


def _bank_side(size: tuple[int, ...]) -> int:
    return max(BANK_SIDE, 2 * max(size))


def _window(place: npt.NDArray[np.float64], size: tuple[int, ...]) -> tuple[int, int]:
    side = _bank_side(size)
    return int(place[0] * (side - size[0] + 1)), int(place[1] * (side - size[1] + 1))


@dataclass(kw_only=True)
class Blur(Filter):
    """Blur by a Gaussian, as patient motion and a large focal spot do.

    Args:
        sigma: Largest standard deviation in pixels, or ``(low, high)``.
    """

    sigma: Range = drawn((0.1, 1.0), 0, 16)

    def image(self, image_HW: Images, values: Values, /) -> Images:
        """Return one blurred image."""
        return _blur(image_HW, float(values["sigma"]))

    def tensor(self, image_N1HW: Tensor, values: Values, /) -> Tensor:
        """Return the blurred images."""
        return _blur_tensor(image_N1HW, values["sigma"])


@dataclass(kw_only=True)
class Sharpen(Filter):
    """Add back what a Gaussian blur takes away (unsharp masking), as edge enhancement does.

    Args:
        amount: Largest weight of the difference, or ``(low, high)``.
        sigma: Standard deviation of the blur in pixels.
    """

    amount: Range = drawn((0.0, 1.0), 0, 10)
    sigma: float = number(1.0, 0.1, 16)

    def image(self, image_HW: Images, values: Values, /) -> Images:
        """Return one sharpened image."""
        amount = float(values["amount"])
        soft = _blur(image_HW, self.sigma)
        return np.asarray(cv2.addWeighted(image_HW, 1 + amount, soft, -amount, 0), image_HW.dtype)

    def tensor(self, image_N1HW: Tensor, values: Values, /) -> Tensor:
        """Return the sharpened images."""
        import torch

        soft = _blur_tensor(image_N1HW, np.full(len(image_N1HW), self.sigma))
        amount = torch.as_tensor(values["amount"]).to(image_N1HW)[:, None, None, None]
        return (image_N1HW + amount * (image_N1HW - soft)).clip(0, 1)


def _radius(sigma: float) -> int:
    return int(REACH * sigma + 0.5)


def _blur(image_HW: Images, sigma: float) -> Images:
    radius = min(_radius(sigma), min(image_HW.shape) - 1)
    if radius < 1:
        return image_HW
    side = 2 * radius + 1
    soft = cv2.GaussianBlur(image_HW, (side, side), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(soft, image_HW.dtype)


def _blur_tensor(image_N1HW: Tensor, sigma_N: npt.NDArray[np.float64]) -> Tensor:
    import torch
    from torch.nn import functional as F

    n, _, height, width = image_N1HW.shape
    limit = min(height, width) - 1
    radii = [min(_radius(sigma), limit) for sigma in sigma_N]
    reach = max(radii)
    if reach < 1:
        return image_N1HW
    offsets = np.arange(-reach, reach + 1)
    kernels = np.exp(-(offsets**2) / (2 * np.maximum(sigma_N, 1e-3)[:, None] ** 2))
    kernels[np.abs(offsets) > np.array(radii)[:, None]] = 0
    kernels /= kernels.sum(axis=1, keepdims=True)
    weight = torch.as_tensor(kernels).to(image_N1HW)[:, None, :]
    rows = F.pad(image_N1HW.transpose(0, 1), (reach,) * 4, mode="reflect")
    rows = F.conv2d(rows, weight[:, :, None, :], groups=n)
    return F.conv2d(rows, weight[:, :, :, None], groups=n).transpose(0, 1)
