"""Where the evidence of a prediction lies: the heat of one image, over all members.

Dimensions: one image of one channel, S×S pixels at the size that the members read.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from medcnn.explanations.explain import explain
from medcnn.inference.predictor import Predictor
from medcnn.io import read_image_resized

Heat = npt.NDArray[np.float32]


class Heater:
    """Explains images by the members of a predictor.

    Args:
        predictor: Its members, on their device.
        method: One of the class activation maps.
    """

    def __init__(self, predictor: Predictor, method: str) -> None:
        self.predictor, self.method = predictor, method
        self.exact = predictor.members[0].settings.data.exact

    def of(self, path: Path) -> Heat:
        """Return the evidence for abnormal in a file, S×S in [0, 1]: the mean of the members'."""
        size = self.predictor.image_size
        pixels, _ = read_image_resized(path, size, exact=self.exact)
        scaled = pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
        image = torch.from_numpy(scaled)[None, None].to(self.predictor.device)
        heats = []
        for member in self.predictor.members:
            seen = image
            if member.image_size != size:
                side = (member.image_size, member.image_size)
                seen = nn.functional.interpolate(image, side, mode="bilinear", antialias=True)
            heat = explain(member, seen, self.method)[0].cpu().numpy()
            heats.append(cv2.resize(heat, (size, size), interpolation=cv2.INTER_LINEAR))
        mean = np.mean(heats, axis=0)
        return np.asarray(mean / mean.max() if mean.max() > 0 else mean, np.float32)
