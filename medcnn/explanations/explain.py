"""One function for every explanation: images in, heat in [0, 1] out.

Dimensions: N images, one channel, H×W pixels, h×w places.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from medcnn.explanations.attention import attention_rollout
from medcnn.explanations.attribution import integrated_gradients, occlusion
from medcnn.explanations.cam import WEIGHINGS, choose_stage, maps_and_gradient
from medcnn.explanations.names import CAMS, check_method
from medcnn.inference.out_of_distribution import Model


def explain(model: Model, image_N1HW: Tensor, method: str, stage: str | None = None) -> Tensor:
    """Return the evidence for "abnormal" at each pixel, N×H×W float32 in [0, 1].

    What speaks against "abnormal" is 0. The strongest place of each image is 1, unless nothing in
    it speaks for "abnormal": then the whole image is 0.

    Args:
        model: The network and its normalisation.
        image_N1HW: In [0, 1].
        method: One of ``medcnn.explanations.names.METHODS``.
        stage: Whose maps a class activation map is made of; by default the deepest stage with at
            least 6×6 places.

    Raises:
        ConfigError: If the method or the stage does not exist, or not for this backbone.
    """
    check_method(method, stage)
    network = model.network
    with evaluating(network):
        raw_Nhw = _raw(model, image_N1HW, method, stage)
    return to_heat(raw_Nhw, image_N1HW.shape[-2:]).float()


def stage_for(model: Model, image_N1HW: Tensor, method: str, stage: str | None) -> str | None:
    """Return the stage that ``explain`` looks at; None for methods that look at none."""
    if method not in CAMS or stage is not None:
        return stage
    with evaluating(model.network):
        return choose_stage(model.network, model.normalize(image_N1HW[:1]))


def to_heat(raw_Nhw: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return the positive part at the size of the image, each image divided by its maximum."""
    positive_N1hw = raw_Nhw.detach().relu().unsqueeze(1)
    if tuple(positive_N1hw.shape[-2:]) != tuple(size):
        positive_N1hw = nn.functional.interpolate(positive_N1hw, size=size, mode="bilinear")
    most_N111 = positive_N1hw.amax((2, 3), keepdim=True)
    return (positive_N1hw / most_N111.clamp_min(torch.finfo(raw_Nhw.dtype).tiny)).squeeze(1)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Hold the network in evaluation mode: no dropout, the frozen statistics of BatchNorm."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


def _raw(model: Model, image_N1HW: Tensor, method: str, stage: str | None) -> Tensor:
    """Return the signed or positive evidence, N×h×w, at whatever size the method gives."""
    network = model.network
    seen_N1HW = model.normalize(image_N1HW)
    if method in CAMS:
        chosen = stage or choose_stage(network, seen_N1HW)
        return WEIGHINGS[method](*maps_and_gradient(network, seen_N1HW, chosen))
    if method == "integrated_gradients":
        return integrated_gradients(network, seen_N1HW)
    if method == "attention_rollout":
        return attention_rollout(network.backbone, seen_N1HW)
    return occlusion(lambda image: network(model.normalize(image)), image_N1HW)
