"""Histogram equalisation of whole images (equalize) and of tiles with limited contrast (CLAHE).

The tensor forms quantise to 256 levels, as OpenCV's do, and follow its arithmetic. Dimensions:
N images, H×W pixels, T×T tiles, K = 256 levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from medcnn.augment.filters import Filter
from medcnn.augment.operator import Range, Values, drawn, whole
from medcnn.augment.resampling import Images

if TYPE_CHECKING:
    from torch import Tensor

LEVELS = 256


@dataclass(kw_only=True)
class Equalize(Filter):
    """Spread the grey values so that their cumulative histogram becomes a straight line."""

    p: float = 0.1

    def image(self, image_HW: Images, _values: Values, /) -> Images:
        """Return one equalised image."""
        peak = int(np.iinfo(image_HW.dtype).max)
        count = np.bincount(image_HW.ravel(), minlength=peak + 1)
        cumulative = np.cumsum(count)
        first = int(count[np.flatnonzero(count)[0]])
        if first == image_HW.size:
            return image_HW
        table = np.rint((cumulative - first).clip(0) * (peak / (image_HW.size - first)))
        return np.asarray(table.astype(image_HW.dtype)[image_HW])

    def tensor(self, image_N1HW: Tensor, _values: Values, /) -> Tensor:
        """Return the equalised images."""
        n, _, height, width = image_N1HW.shape
        level = quantised(image_N1HW)
        count = histograms(level.reshape(n, -1))
        cumulative = count.cumsum(1)
        first = count.gather(1, (count > 0).int().argmax(1, keepdim=True))
        rest = (height * width - first).clip(min=1)
        table = ((cumulative - first).clip(min=0) / rest).to(image_N1HW.dtype)
        equal = table.gather(1, level.reshape(n, -1)).reshape(image_N1HW.shape)
        flat = (first == height * width)[:, :, None, None]
        return equal.where(~flat, image_N1HW)


@dataclass(kw_only=True)
class Clahe(Filter):
    """Contrast-limited adaptive histogram equalisation.

    Zuiderveld, Graphics Gems IV, 1994, in OpenCV's arithmetic.

    Args:
        clip: Largest multiple of a flat histogram that a level may reach, ``(low, high)``.
        tiles: Tiles along each side, 1 to 32.
    """

    p: float = 0.1
    clip: Range = drawn((1.0, 3.0), 0.1, 100, neutral=None)
    tiles: int = whole(8, 1, 32)

    def image(self, image_HW: Images, values: Values, /) -> Images:
        """Return one image after OpenCV's CLAHE, at 256 levels.

        With the 65,536 levels of uint16 a tile has fewer pixels than levels, and no clip limit binds.
        """
        tool = cv2.createCLAHE(float(values["clip"]), (self.tiles, self.tiles))
        step = np.iinfo(image_HW.dtype).max // (LEVELS - 1)
        narrow = np.rint(image_HW / step).astype(np.uint8)
        return np.asarray(tool.apply(narrow).astype(image_HW.dtype) * step, image_HW.dtype)

    def tensor(self, image_N1HW: Tensor, values: Values, /) -> Tensor:
        """Return the images after the same arithmetic in batched operations."""
        import torch
        from torch.nn import functional as F

        n, _, height, width = image_N1HW.shape
        t = self.tiles
        short = [(t - side % t) % t for side in (height, width)]
        padded = F.pad(image_N1HW, (0, short[1], 0, short[0]), mode="reflect")
        rows, columns = padded.shape[-2] // t, padded.shape[-1] // t
        tiles = quantised(padded).reshape(n, t, rows, t, columns).transpose(2, 3)
        count = histograms(tiles.reshape(n * t * t, rows * columns))
        clip = torch.as_tensor(np.repeat(values["clip"], t * t), device=count.device)
        limit = (clip * (rows * columns) / LEVELS).long().clip(min=1)[:, None]
        cumulative = _redistributed(count, limit).cumsum(1)
        table = (cumulative * (255 / (rows * columns))).round().clip(max=255).reshape(n, t, t, -1)
        level = quantised(image_N1HW)[:, 0]
        return _between_tiles(table, level, rows, columns).unsqueeze(1).to(image_N1HW.dtype)


def quantised(image: Tensor) -> Tensor:
    """Return the levels, 0 to 255, of images in [0, 1]."""
    return (image * (LEVELS - 1)).round().long().clip(0, LEVELS - 1)


def histograms(level_MP: Tensor) -> Tensor:
    """Return the counts of each row's levels, M×K."""
    import torch

    m = len(level_MP)
    offset = torch.arange(m, device=level_MP.device)[:, None] * LEVELS
    return torch.bincount((level_MP + offset).reshape(-1), minlength=m * LEVELS).reshape(m, -1)


def _redistributed(count_MK: Tensor, limit_M1: Tensor) -> Tensor:
    """Cut the counts at the limit and spread what was cut: evenly, then by regular steps."""
    import torch

    excess = (count_MK - limit_M1).clip(min=0).sum(1, keepdim=True)
    cut = count_MK.minimum(limit_M1) + excess // LEVELS
    rest = excess % LEVELS
    step = (LEVELS // rest.clip(min=1)).clip(min=1)
    place = torch.arange(LEVELS, device=count_MK.device)[None]
    return cut + ((place % step == 0) & (place // step < rest)).long()


def _between_tiles(table_NTTK: Tensor, level_NHW: Tensor, rows: int, columns: int) -> Tensor:
    """Look up each pixel in its four nearest tiles' tables and interpolate, in [0, 1]."""
    import torch

    n, height, width = level_NHW.shape
    tiles = table_NTTK.shape[1]
    table = table_NTTK.float()
    row = torch.arange(height, device=level_NHW.device) / rows - 0.5
    column = torch.arange(width, device=level_NHW.device) / columns - 0.5
    down, right = row - row.floor(), column - column.floor()
    top, left = row.floor().long(), column.floor().long()
    image = torch.arange(n, device=level_NHW.device)[:, None, None]
    total = torch.zeros(level_NHW.shape, device=level_NHW.device)
    for i, weight_i in ((top, 1 - down), (top + 1, down)):
        for j, weight_j in ((left, 1 - right), (left + 1, right)):
            i_H1, j_1W = i.clip(0, tiles - 1)[:, None], j.clip(0, tiles - 1)[None]
            total += table[image, i_H1, j_1W, level_NHW] * weight_i[:, None] * weight_j[None]
    return total.round() / (LEVELS - 1)
