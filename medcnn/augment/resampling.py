"""One resampling for all geometric operators: OpenCV on uint8, or ``grid_sample`` on a device.

Dimensions: N images, H×W pixels, G×G cells of a coarse grid. Pixel centres are at whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from medcnn.augment.geometry import Size
from medcnn.augment.operator import Floats

if TYPE_CHECKING:
    from torch import Tensor

Images = npt.NDArray[np.unsignedinteger[Any]]
"""N×H×W grey values, uint8 or uint16."""

BORDERS = {
    "zeros": cv2.BORDER_CONSTANT,
    "border": cv2.BORDER_REPLICATE,
    "reflection": cv2.BORDER_REFLECT_101,
}
"""What stands outside of the image, under the names of ``grid_sample``."""

SAME = 1e-9
"""Matrix entries closer than this are the same: far below a thousandth of a pixel."""


@dataclass(frozen=True)
class Warp:
    """Where the pixels of N results are found in their sources.

    Attributes:
        matrix_N33: Maps from result to source, in pixels from the image centre.
        field_N2GG: Displacements along x and y as fractions of the sides; None without elastic.
        lens_N: Radial coefficients; None without lens.
    """

    matrix_N33: Floats
    field_N2GG: Floats | None = None
    lens_N: Floats | None = None

    def bent(self, row: int) -> bool:
        """Return whether an image's map is more than its matrix."""
        field = self.field_N2GG is not None and bool(self.field_N2GG[row].any())
        return field or (self.lens_N is not None and self.lens_N[row] != 0)


def resample(images_NHW: Images, warp: Warp, border: str) -> Images:
    """Return the warped images: bilinear, by the cheapest OpenCV call that each map allows."""
    size = images_NHW.shape[1:]
    centre = _centring(size)
    matrices = centre @ warp.matrix_N33 @ np.linalg.inv(centre)
    still = np.abs(matrices - np.eye(3)).max(axis=(1, 2)) < SAME
    flat = np.abs(matrices[:, 2, :2]).max(axis=1) < SAME
    result = np.empty_like(images_NHW)
    for row, image in enumerate(images_NHW):
        if warp.bent(row):
            result[row] = _remap(image, warp, row, border)
        elif still[row]:
            result[row] = image
        else:
            call = cv2.warpAffine if flat[row] else cv2.warpPerspective
            matrix = matrices[row] / matrices[row, 2, 2]
            call(
                image,
                matrix[:2] if flat[row] else matrix,
                size[::-1],
                dst=result[row],
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=BORDERS[border],
            )
    return result


def _centring(size: tuple[int, ...]) -> Floats:
    """Return the matrix from pixels from the centre to pixel numbers."""
    return np.array([[1, 0, (size[1] - 1) / 2], [0, 1, (size[0] - 1) / 2], [0, 0, 1]])


@lru_cache(maxsize=4)
def _from_centre(size: Size) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return x of W and y of H pixels from the centre."""
    height, width = size
    x = np.arange(width, dtype=np.float32) - (width - 1) / 2
    y = np.arange(height, dtype=np.float32) - (height - 1) / 2
    return x[None, :], y[:, None]


def _remap(image: Images, warp: Warp, row: int, border: str) -> Images:
    x, y = source_coordinates(warp, row, (image.shape[0], image.shape[1]))
    return np.asarray(
        cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=BORDERS[border]), image.dtype
    )


def source_coordinates(
    warp: Warp, row: int, size: Size
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the source's column and row numbers for each pixel of one result, H×W each."""
    height, width = size
    shift = None
    if warp.field_N2GG is not None:
        field = warp.field_N2GG[row].astype(np.float32)
        shift = [cv2.resize(part, size[::-1], interpolation=cv2.INTER_CUBIC) for part in field]
    lens = None if warp.lens_N is None else warp.lens_N[row].astype(np.float32)
    m = warp.matrix_N33[row].astype(np.float32)
    u, v = _source(*_from_centre(size), shift, lens, m, size)
    return (
        (u + (width - 1) / 2).astype(np.float32),
        (v + (height - 1) / 2).astype(np.float32),
    )


def _source(x: Any, y: Any, shift: Any, lens: Any, m_33: Any, size: Size) -> tuple[Any, Any]:
    """Return where results lie in their sources, both in pixels from the centre, on either engine.

    Args:
        x: To the right, of the results' pixels.
        y: Down.
        shift: Displacements along x and y as fractions of the sides, or None.
        lens: Radial coefficients, or None.
        m_33: The entries of the maps, by row and column.
        size: Height and width.
    """
    if shift is not None:
        x, y = x + shift[0] * size[1], y + shift[1] * size[0]
    if lens is not None:
        stretch = 1 + lens * (x * x + y * y) / ((size[0] ** 2 + size[1] ** 2) / 4)
        x, y = x * stretch, y * stretch
    u, v, w = (row[0] * x + row[1] * y + row[2] for row in m_33)
    return u / w, v / w


def resample_tensor(image_N1HW: Tensor, warp: Warp, border: str) -> Tensor:
    """Return the warped images from one batched ``grid_sample`` on the images' device."""
    import torch
    from torch.nn import functional as F

    height, width = image_N1HW.shape[-2:]

    def put(array: npt.NDArray[Any]) -> Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=image_N1HW.device)

    x, y = (put(part) for part in _from_centre((height, width)))
    x, y = x.expand(1, height, width), y.expand(1, height, width)
    shift = None
    if warp.field_N2GG is not None:
        field = put(warp.field_N2GG)
        field = F.interpolate(field, (height, width), mode="bicubic", align_corners=False)
        shift = field.unbind(1)
    lens = None if warp.lens_N is None else put(warp.lens_N)[:, None, None]
    m = put(warp.matrix_N33).permute(1, 2, 0)[..., None, None]
    u, v = _source(x, y, shift, lens, m, (height, width))
    grid = torch.stack([u * (2 / max(width - 1, 1)), v * (2 / max(height - 1, 1))], dim=-1)
    return F.grid_sample(
        image_N1HW, grid.to(image_N1HW.dtype), padding_mode=border, align_corners=True
    )
