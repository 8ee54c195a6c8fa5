"""Attributions to pixels, by captum: integrated gradients and occlusion.

Dimensions: N images, one channel, H×W pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

Logit = Callable[[Tensor], Tensor]
"""Images N×1×H×W to logits N."""

STEPS = 32
WINDOWS = 8
PASSES = 16


def integrated_gradients(logit: Logit, seen_N1HW: Tensor, steps: int = STEPS) -> Tensor:
    """Return what each pixel adds to the logit on the way from a uniformly grey film, N×H×W.

    Sundararajan, Taly, Yan: Axiomatic attribution for deep networks, ICML 2017. The attributions
    sum to the logit of the image less that of the film, up to the error of ``steps`` Gauss-Legendre
    points.

    Args:
        logit: Of normalised images.
        seen_N1HW: Normalised images; 0 is the mean of the training pixels, the grey of the film.
        steps: Points on the straight way.
    """
    # Imported here, because captum is an extra and draws in much.
    from captum.attr import IntegratedGradients

    batch = max(64, len(seen_N1HW))
    found: Tensor = IntegratedGradients(logit).attribute(
        seen_N1HW, baselines=0.0, n_steps=steps, internal_batch_size=batch
    )
    return found.detach().sum(1)


def occlusion(logit: Logit, image_N1HW: Tensor, window: int | None = None) -> Tensor:
    """Return how far the logit falls when the surroundings of a pixel are blurred away, N×H×W.

    Zeiler and Fergus: Visualizing and understanding convolutional networks, ECCV 2014. A window
    slides by half its side; blurring takes a finding away, where a grey square on a dark lung would
    look like one.

    Args:
        logit: Of images in [0, 1].
        image_N1HW: In [0, 1].
        window: Its side in pixels; by default an eighth of the image's.
    """
    from captum.attr import Occlusion

    side = window or max(min(image_N1HW.shape[-2:]) // WINDOWS, 1)
    stride = max(side // 2, 1)
    options: dict[str, Any] = {"perturbations_per_eval": PASSES, "strides": (1, stride, stride)}
    with torch.no_grad():
        found: Tensor = Occlusion(logit).attribute(
            image_N1HW, (1, side, side), baselines=blurred(image_N1HW), **options
        )
    return found.sum(1)


def blurred(image_N1HW: Tensor) -> Tensor:
    """Return the images without any detail below a sixth of their side: nothing, but of its grey."""
    sigma = max(min(image_N1HW.shape[-2:]) / 12, 0.5)
    radius = max(int(2.5 * sigma), 1)
    soft: Tensor = gaussian_blur(image_N1HW, [2 * radius + 1] * 2, [sigma] * 2)
    return soft
