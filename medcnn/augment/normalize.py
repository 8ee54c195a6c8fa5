"""Normalisation of images in [0, 1] to about zero mean and unit variance.

The statistics of a data set are those of its training split alone. They come from a histogram, in
one pass and constant memory. Dimensions: N images, H×W pixels, K = 256 levels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from medcnn.augment.equalization import LEVELS, histograms, quantised
from medcnn.augment.local_contrast import local_contrast
from medcnn.augment.resampling import Images
from medcnn.errors import ConfigError, DataError, unknown_name

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("dataset", "image", "histogram", "local")
SMALLEST_SD = 1e-3
"""A blank image is not blown up to noise: about a quarter of one grey level of 256."""


@dataclass(frozen=True)
class Statistics:
    """Grey-value statistics of a set of images, in [0, 1].

    Attributes:
        mean: Mean of all pixels.
        std: Standard deviation of all pixels.
        cumulative: For each of 256 levels, the share of pixels at or below it.
    """

    mean: float
    std: float
    cumulative: tuple[float, ...]


def fit(batches: Iterable[Images]) -> Statistics:
    """Return the statistics of the images of all batches, N×H×W uint8 or uint16 each.

    Raises:
        DataError: If there are no images, or if all pixels are the same.
    """
    total, squares, pixels = 0.0, 0.0, 0
    count = np.zeros(LEVELS, np.int64)
    for batch in batches:
        peak = int(np.iinfo(batch.dtype).max)
        fine = np.bincount(batch.ravel(), minlength=peak + 1)
        level = np.linspace(0, 1, peak + 1)
        total, squares = total + float(fine @ level), squares + float(fine @ level**2)
        pixels += batch.size
        count += fine.reshape(LEVELS, -1).sum(axis=1)
    if not pixels:
        raise DataError("There are no training images to take statistics from.")
    mean = total / pixels
    std = float(np.sqrt(max(squares / pixels - mean**2, 0.0)))
    if std < SMALLEST_SD:
        raise DataError(
            "All training images have one and the same grey value.",
            expected="radiographs",
            found=f"mean {mean:.3f}, standard deviation {std:.6f}",
            remedy="look at the images with `medcnn doctor`",
        )
    return Statistics(mean, std, tuple((np.cumsum(count) / pixels).tolist()))


def normalize(
    image_N1HW: Tensor,
    kind: str,
    mean: float | Tensor,
    std: float | Tensor,
    shares_K: Tensor | None = None,
) -> Tensor:
    """Return images in [0, 1] normalised in one of four ways.

    Args:
        image_N1HW: The images.
        kind: ``dataset`` subtracts the training images' mean and divides by their standard
            deviation; ``image`` does so with each image's own; ``histogram`` first matches each
            image's histogram to the training images'; ``local`` takes each pixel by the mean and
            the spread of its surroundings.
        mean: Of the training images' pixels.
        std: Their standard deviation.
        shares_K: For ``histogram``, the share of their pixels at or below each of 256 levels.

    Raises:
        ConfigError: If the kind is unknown or needs shares that were not given.
    """
    if kind not in KINDS:
        raise unknown_name("normalisation", kind, KINDS)
    if kind == "local":
        return local_contrast(image_N1HW)
    if kind == "image":
        own = image_N1HW.mean((1, 2, 3), keepdim=True)
        deviation = image_N1HW.std((1, 2, 3), keepdim=True, correction=0)
        return (image_N1HW - own).div(deviation.clip(min=SMALLEST_SD))
    if kind == "histogram":
        if shares_K is None:
            raise ConfigError(
                "The normalisation by histogram needs the training images' histogram.",
                expected="the cumulative shares that medcnn.augment.normalize.fit returns",
                remedy="train with data.normalize=histogram, or use another normalisation",
            )
        image_N1HW = match_histograms(image_N1HW, shares_K.cpu().numpy())
    return (image_N1HW - mean) / std


def match_histograms(image_N1HW: Tensor, cumulative_K: npt.NDArray[np.float64]) -> Tensor:
    """Return images whose cumulative histograms follow ``cumulative_K``, at 256 levels.

    Each level goes to the level at which the target reaches the same share, interpolated (as
    ``skimage.exposure.match_histograms`` does).
    """
    import torch

    n = len(image_N1HW)
    level = quantised(image_N1HW).reshape(n, -1)
    steps = np.diff(cumulative_K, prepend=0.0) > 0
    target_share, target_level = cumulative_K[steps], np.linspace(0, 1, LEVELS)[steps]
    share = histograms(level).cumsum(1).cpu().numpy() / level.shape[1]
    tables = np.interp(share, target_share, target_level)
    table = torch.as_tensor(tables).to(image_N1HW)
    return table.gather(1, level).reshape(image_N1HW.shape)
