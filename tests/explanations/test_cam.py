import copy

import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn

from medcnn.errors import ConfigError
from medcnn.explanations.cam import (
    choose_stage,
    grad_cam,
    grad_cam_plus_plus,
    layer_cam,
    maps_and_gradient,
)
from medcnn.models import build_classifier


def test_grad_cam_of_global_average_pooling_is_the_class_activation_map(gap):
    # Zhou et al. 2016, equation 2: the maps weighed by the linear layer, here by 1/(h·w) of it.
    image = torch.rand(2, 1, 9, 9)
    maps, gradient = maps_and_gradient(gap.network, image, "layer1")
    with torch.no_grad():
        expected = torch.einsum(
            "c,nchw->nhw", gap.network.linear.weight[0], gap.network.backbone.body(image)
        )
    torch.testing.assert_close(grad_cam(maps, gradient), expected.relu() / 81)


def test_grad_cam_is_captums_on_a_residual_network(model, image):
    network = model.network
    stage = dict(network.stages)["layer1"]
    theirs = LayerGradCam(network, stage).attribute(image, relu_attributions=True)
    ours = grad_cam(*maps_and_gradient(network, image, "layer1"))
    torch.testing.assert_close(ours, theirs.detach()[:, 0])


def test_grad_cam_plus_plus_is_its_equation_written_out():
    torch.manual_seed(0)
    maps = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    gradient = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    expected = torch.zeros(2, 4, 5, dtype=torch.float64)
    for n in range(2):
        for c in range(3):
            weight = 0.0
            for place in [(i, j) for i in range(4) for j in range(5)]:
                g = float(gradient[n, c][place])
                alpha = g**2 / (2 * g**2 + float(maps[n, c].sum()) * g**3)
                weight += alpha * max(g, 0.0)
            expected[n] += weight * maps[n, c]
    torch.testing.assert_close(grad_cam_plus_plus(maps, gradient), expected.clamp_min(0))


def test_grad_cam_plus_plus_of_equal_positive_gradients_follows_grad_cam():
    maps = torch.rand(1, 1, 4, 4)
    gradient = torch.full_like(maps, 0.5)
    ours, plain = grad_cam_plus_plus(maps, gradient), grad_cam(maps, gradient)
    torch.testing.assert_close(ours / ours.max(), plain / plain.max())


def test_grad_cam_plus_plus_without_gradient_is_empty_and_not_nan():
    maps = torch.rand(1, 2, 3, 3)
    assert grad_cam_plus_plus(maps, torch.zeros_like(maps)).eq(0).all()


def test_layer_cam_keeps_only_places_that_raise_the_logit():
    maps = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    gradient = torch.tensor([[[[1.0, -1.0], [0.5, 0.0]]]])
    torch.testing.assert_close(layer_cam(maps, gradient), torch.tensor([[[1.0, 0.0], [1.5, 0.0]]]))


@pytest.mark.parametrize("inplace", [True, False])
def test_a_relu_in_place_after_the_stage_changes_nothing(inplace):
    torch.manual_seed(0)
    network = build_classifier("densenet121", weights="none", image_size=32).eval()
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = inplace
    image = torch.rand(1, 1, 32, 32)
    maps, gradient = maps_and_gradient(network, image, "layer2")
    torch.testing.assert_close(maps, network.backbone.up_to("layer2", image))
    step = 1e-2 * gradient / gradient.norm()
    with torch.no_grad():
        rise = [
            network.head(network.backbone.from_stage(maps + sign * step, after="layer2"))
            for sign in (1, -1)
        ]
    torch.testing.assert_close((rise[0] - rise[1])[0] / 2e-2, gradient.norm(), rtol=0.02, atol=0)


def test_weights_are_left_without_gradients(model, image):
    before = copy.deepcopy(model.network.state_dict())
    maps_and_gradient(model.network, image, "layer2")
    assert all(parameter.grad is None for parameter in model.network.parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("tiny_resnet", 32, "layer3"),  # 8×8 places
        ("resnet18", 64, "layer4"),  # the small stem leaves 8×8
        ("resnet18", 128, "layer3"),  # 4×4 in layer4, 8×8 here
        ("timm:test_vit", 32, "layer5"),  # 2×2 places everywhere; the last block has a class token
    ],
)
def test_the_deepest_stage_with_places_enough_is_chosen(name, size, expected):
    network = build_classifier(name, weights="none", image_size=size).eval()
    image = torch.rand(1, 1, size, size)
    assert choose_stage(network, image) == expected
    assert choose_stage(network.requires_grad_(False), image) == expected


def test_a_stage_after_which_only_the_class_token_counts_is_refused():
    network = build_classifier("timm:test_vit", weights="none", image_size=32).eval()
    with pytest.raises(ConfigError, match="only its class token"):
        maps_and_gradient(network, torch.rand(1, 1, 32, 32), network.stages[-1][0])


def test_an_unknown_stage_is_refused(model, image):
    with pytest.raises(ConfigError, match="did you mean 'layer2'"):
        maps_and_gradient(model.network, image, "layr2")
