"""What a lossy file leaves of an image: JPEG.

Collections differ in how their files were packed, and where one label's files were packed more
tightly, the blocks tell it. Dimensions: N images, H×W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from medcnn.augment.filters import Filter
from medcnn.augment.operator import Range, Values, drawn
from medcnn.augment.resampling import Images

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(kw_only=True)
class Jpeg(Filter):
    """Pack into baseline JPEG (ITU-T T.81, 8 bits) and unpack: blocks of 8×8, coarse at low quality.

    There is no such coder for tensors: on a device an image takes the way over the CPU.

    Args:
        quality: Of libjpeg, ``(low, high)`` within 1 to 100; whole numbers are drawn.
    """

    p: float = 0.5
    quality: Range = drawn((40, 95), 1, 100, neutral=None)

    def draw_values(self, rng: np.random.Generator, n: int, /) -> Values:
        """Draw qualities."""
        return {"quality": np.rint(self.draw_option("quality", rng, n)).astype(int)}

    def image(self, image_HW: Images, values: Values, /) -> Images:
        """Return one image after packing; one of 16 bits keeps the upper 8 of them."""
        step = 1 if image_HW.dtype == np.uint8 else 257
        coarse = image_HW if step == 1 else np.rint(image_HW / step).astype(np.uint8)
        settings = [cv2.IMWRITE_JPEG_QUALITY, int(values["quality"])]
        packed = cv2.imencode(".jpg", coarse, settings)[1]
        unpacked = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), image_HW.dtype)
        return np.asarray(unpacked * step, image_HW.dtype)

    def tensor(self, image_N1HW: Tensor, values: Values, /) -> Tensor:
        """Return the images after packing at 256 levels."""
        import torch

        levels = image_N1HW[:, 0].float().mul(255).round().clip(0, 255).byte().cpu().numpy()
        each = [{"quality": quality} for quality in values["quality"]]
        packed = np.stack([self.image(*pair) for pair in zip(levels, each, strict=True)])
        return torch.from_numpy(packed)[:, None].to(image_N1HW) / 255
