"""The style of another image: its low spatial frequencies' amplitudes, while structure stays.

Xu et al., A Fourier-based framework for domain generalization, CVPR 2021. The phase of an image
holds where things are; the amplitude of low frequencies holds exposure, contrast and scatter.
Dimensions: N images, H×W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medcnn.augment.mixing import Mixing
from medcnn.augment.operator import Values, number

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(kw_only=True)
class Style(Mixing):
    """Blend low frequencies' amplitudes with those of another image of the batch; labels stay.

    Args:
        strength: Largest share of the partner's amplitude, in [0, 1]; each image's is drawn uniformly.
        reach: Highest frequency that is blended, as a fraction of the sampling frequency, up to 0.5.
    """

    mixes_labels = False

    strength: float = number(1.0, 0, 1)
    reach: float = number(0.06, 0, 0.5)

    def draw(self, rng: np.random.Generator, n: int) -> Values:
        """Draw whether this batch is changed, and each image's partner and share."""
        return {
            "active": np.array(rng.random() < self.p),
            "partner": rng.permutation(n),
            "share": self.strength * rng.random(n),
        }

    def mix(self, image_N1HW: Tensor, label_N: Tensor, values: Values) -> tuple[Tensor, Tensor]:
        """Return the images in their partners' style, and their own labels."""
        import torch

        spectrum = torch.fft.rfft2(image_N1HW.float())
        height, width = image_N1HW.shape[-2:]
        device = image_N1HW.device
        low = (torch.fft.fftfreq(height, device=device).abs() <= self.reach)[:, None] & (
            torch.fft.rfftfreq(width, device=device) <= self.reach
        )
        partner = torch.as_tensor(values["partner"], device=device)
        share = torch.as_tensor(values["share"], device=device).float()[:, None, None, None]
        amplitude = spectrum.abs()
        blended = torch.where(low, torch.lerp(amplitude, amplitude[partner], share), amplitude)
        changed = torch.fft.irfft2(torch.polar(blended, spectrum.angle()), s=(height, width))
        return changed.clip(0, 1).to(image_N1HW.dtype), label_N
