import pytest
import torch
from torch import nn

from medcnn.errors import ConfigError
from medcnn.layers.registry import ACTIVATIONS, LAYERS, build, layer_class, make


def test_both_backends_start_from_the_same_weights():
    layers = []
    for backend in ("medcnn", "torch"):
        torch.manual_seed(0)
        layers.append(make("conv2d", backend, in_channels=2, out_channels=3, kernel_size=3))
    assert torch.equal(layers[0].weight, layers[1].weight)
    assert type(layers[1]) is nn.Conv2d


def test_an_activation_may_be_named_as_one():
    assert type(make("activation:elu", alpha=0.5)) is LAYERS["elu"]
    assert set(ACTIVATIONS) < set(LAYERS)


def test_a_dotted_path_finds_a_users_own_layer():
    assert layer_class("torch.nn.Hardtanh") is nn.Hardtanh


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: build("conv3d"), "conv2d"),
        (lambda: build("linear", features=3), "cannot be made with these options"),
        (lambda: layer_class("no_package.Layer"), "cannot be imported"),
        (lambda: layer_class("torch.nn.functional"), "is not a layer"),
        (lambda: make("relu", "jax"), "layer backend"),
        (lambda: make("activation:conv2d"), "layer kind"),
    ],
)
def test_what_cannot_be_made_is_said(call, match):
    with pytest.raises(ConfigError, match=match):
        call()
