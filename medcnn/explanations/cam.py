"""Class activation maps: the maps of one stage, weighed by how the logit depends on them.

They are taken through the chain of stages and need no hooks, so that every family of backbones is
served alike, tokens and channels-last maps and ReLUs in place included.

Dimensions: N images, C maps of h×w places.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from medcnn.errors import ConfigError
from medcnn.models.classifier import Classifier
from medcnn.models.stages import Backbone

PLACES = 6
"""Places a side that the stage chosen by default has, where any stage has them."""


def grad_cam(maps_NChw: Tensor, gradient_NChw: Tensor) -> Tensor:
    """Return the positive part of the maps' sum, each weighed by the mean of its gradient, N×h×w.

    Selvaraju et al.: Grad-CAM, ICCV 2017, equations 1 and 2.
    """
    weight_NC11 = gradient_NChw.mean((2, 3), keepdim=True)
    return (weight_NC11 * maps_NChw).sum(1).relu()


def grad_cam_plus_plus(maps_NChw: Tensor, gradient_NChw: Tensor) -> Tensor:
    """Return the map whose weights heed each occurrence of a pattern alike, N×h×w.

    Chattopadhay et al.: Grad-CAM++, WACV 2018, equations 10 and 19: with the exponential of the
    logit as the score, second and third derivatives become powers of the gradient.
    """
    squared, cubed = gradient_NChw**2, gradient_NChw**3
    below = 2 * squared + maps_NChw.sum((2, 3), keepdim=True) * cubed
    share = torch.where(below.abs() > 1e-12 * squared, squared / below, 0.0)
    weight_NC11 = (share * gradient_NChw.relu()).sum((2, 3), keepdim=True)
    return (weight_NC11 * maps_NChw).sum(1).relu()


def layer_cam(maps_NChw: Tensor, gradient_NChw: Tensor) -> Tensor:
    """Return the maps weighed place by place with the positive part of their gradient, N×h×w.

    Jiang et al.: LayerCAM, IEEE TIP 30 (2021), equations 5 to 7; sharp also in early stages.
    """
    return (gradient_NChw.relu() * maps_NChw).sum(1).relu()


WEIGHINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "layer_cam": layer_cam,
}


def maps_and_gradient(network: Classifier, seen_N1HW: Tensor, stage: str) -> tuple[Tensor, Tensor]:
    """Return what ``stage`` makes of the images and the gradient of the logit by it, N×C×h×w each.

    Args:
        network: In evaluation mode.
        seen_N1HW: Normalised images.
        stage: Name of the stage.

    Raises:
        ConfigError: If there is no such stage, or the logit reads none of its places.
    """
    backbone = network.backbone
    with torch.no_grad():
        hidden = backbone.up_to(stage, seen_N1HW)
    with torch.enable_grad():
        hidden = hidden.detach().clone().requires_grad_()
        # A copy, because the next stage may begin with a ReLU in place.
        logit_N = network.head(backbone.from_stage(hidden.clone(), after=stage))
        (gradient,) = torch.autograd.grad(logit_N.sum(), hidden)
    maps_NChw, gradient_NChw = backbone.as_map(hidden.detach()), backbone.as_map(gradient)
    if backbone.layout == "NTC" and not gradient_NChw.any():
        raise ConfigError(
            f"{backbone.name} reads no place of the image after {stage}, only its class token.",
            expected=f"stage={choose_stage(network, seen_N1HW)} or an earlier one",
            found=f"stage={stage}",
        )
    return maps_NChw, gradient_NChw


def choose_stage(network: Classifier, seen_N1HW: Tensor) -> str:
    """Return the deepest stage with places enough to tell them apart, whose places reach the logit.

    Args:
        network: In evaluation mode.
        seen_N1HW: Normalised images, of which the first is passed.

    Raises:
        ConfigError: If no stage has places, as where several maps are joined in one step.
    """
    backbone = network.backbone
    sides = _reaching_sides(network, backbone, seen_N1HW[:1])
    if not sides:
        raise ConfigError(
            f"{backbone.name} has no stage with maps to weigh.",
            expected="a backbone whose stages return maps or tokens",
            found=", ".join(name for name, _ in backbone.stages),
            remedy="take method=integrated_gradients or method=occlusion",
        )
    wanted = min(PLACES, max(sides.values()))
    return [stage for stage, side in sides.items() if side >= wanted][-1]


def _reaching_sides(network: Classifier, backbone: Backbone, seen_11HW: Tensor) -> dict[str, int]:
    """Return the places a side of each stage that has any on which the logit depends."""
    hidden, outputs = seen_11HW, []
    with torch.enable_grad():
        for _, module in backbone.stages:
            hidden = module(hidden.clone())
            hidden = hidden if hidden.requires_grad else hidden.detach().requires_grad_()
            outputs.append(hidden)
        logit_N = network.head(backbone.pool(hidden.clone()))
        gradients = torch.autograd.grad(logit_N.sum(), outputs)
    sides = {}
    for (stage, _), gradient in zip(backbone.stages, gradients, strict=True):
        if gradient.ndim < 3:
            continue
        places = backbone.as_map(gradient)
        # A dead ReLU in a network of maps silences one image, and not a stage.
        if places.ndim == 4 and (backbone.layout != "NTC" or places.any()):
            sides[stage] = min(places.shape[-2:])
    return sides
