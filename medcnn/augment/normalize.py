"""Normalisation of images in [0, 1] to zero mean and unit variance.

The statistics of a data set are those of its training split alone. They come from a histogram, in
one pass and constant memory. Dimensions: N images, H×W pixels, K = 256 levels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from medcnn.augment.resampling import Images
from medcnn.errors import ConfigError, DataError, unknown_name

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("dataset", "image", "histogram")
LEVELS = 256
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


class Normalizer:
    """Normalises images in one of three ways.

    Args:
        kind: ``dataset`` subtracts the training images' mean and divides by their standard
            deviation; ``image`` does so with each image's own; ``histogram`` first matches each
            image's histogram to the training images'.
        statistics: Those of the training split.

    Raises:
        ConfigError: If the kind is unknown or needs statistics that were not given.
    """

    def __init__(self, kind: str = "dataset", statistics: Statistics | None = None) -> None:
        if kind not in KINDS:
            raise unknown_name("normalisation", kind, KINDS)
        if kind != "image" and statistics is None:
            raise ConfigError(
                f"The normalisation {kind!r} needs the training images' statistics.",
                expected="the result of medcnn.augment.normalize.fit",
                remedy="fit it on the training split, or use the normalisation 'image'",
            )
        self.kind, self.statistics = kind, statistics

    def __call__(self, image_N1HW: Tensor) -> Tensor:
        """Return the normalised images."""
        if self.statistics is None or self.kind == "image":
            mean = image_N1HW.mean((1, 2, 3), keepdim=True)
            std = image_N1HW.std((1, 2, 3), keepdim=True, correction=0)
            return (image_N1HW - mean).div(std.clip(min=SMALLEST_SD))
        if self.kind == "histogram":
            image_N1HW = match_histograms(image_N1HW, np.array(self.statistics.cumulative))
        return (image_N1HW - self.statistics.mean) / self.statistics.std


def match_histograms(image_N1HW: Tensor, cumulative_K: npt.NDArray[np.float64]) -> Tensor:
    """Return images whose cumulative histograms follow ``cumulative_K``, at 256 levels.

    Each level goes to the level at which the target reaches the same share, interpolated (as
    ``skimage.exposure.match_histograms`` does).
    """
    import torch

    n = len(image_N1HW)
    level = (image_N1HW * (LEVELS - 1)).round().long().clip(0, LEVELS - 1).reshape(n, -1)
    steps = np.diff(cumulative_K, prepend=0.0) > 0
    target_share, target_level = cumulative_K[steps], np.linspace(0, 1, LEVELS)[steps]
    tables = np.empty((n, LEVELS), np.float32)
    for row, values in enumerate(level.cpu().numpy()):
        share = np.cumsum(np.bincount(values, minlength=LEVELS)) / values.size
        tables[row] = np.interp(share, target_share, target_level)
    table = torch.as_tensor(tables).to(image_N1HW)
    return table.gather(1, level).reshape(image_N1HW.shape)
