import numpy as np
import pytest
import torch
from torch import nn

from medcnn.inspection.figures import draw_inspection
from medcnn.inspection.network import inspect


class Functional(nn.Module):
    """A network whose activations are functions, half of whose first channels never fire."""

    def __init__(self, dead):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 6, 3, padding=1)
        self.head = nn.Linear(6, 1)
        with torch.no_grad():
            self.conv1.bias[:dead] = -100.0

    def forward(self, image):
        hidden = torch.relu(self.conv1(image))
        hidden = nn.functional.silu(self.conv2(hidden))
        return self.head(hidden.mean((2, 3)))[:, 0]


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return {"image": torch.rand(12, 1, 9, 9), "label": torch.arange(12.0) % 2}


@pytest.mark.parametrize("dead", [0, 2, 4])
def test_dead_channels_are_counted_where_the_next_layer_receives_them(batch, dead):
    torch.manual_seed(1)
    found = inspect(Functional(dead), batch)
    by_name = {layer.name: layer for layer in found.layers}
    assert list(by_name) == ["conv1", "conv2", "head"]
    assert (by_name["conv2"].dead, by_name["conv2"].channels) == (dead, 4)
    assert by_name["head"].dead == 0
    assert found.dead == pytest.approx(dead / 10)


def test_gradients_are_those_of_backward_and_nothing_is_left_behind(batch):
    torch.manual_seed(1)
    network = Functional(0).train()
    found = inspect(network, batch)
    assert network.training and all(p.grad is None for p in network.parameters())
    network.eval()
    nn.BCEWithLogitsLoss()(network(batch["image"]), batch["label"]).backward()
    for layer in found.layers:
        weight = dict(network.named_parameters())[f"{layer.name}.weight"]
        assert layer.ratio == pytest.approx(
            float((weight.grad.norm() / weight.norm()).detach()), rel=1e-5
        )
    np.testing.assert_allclose(
        found.layers[0].gradient, network.conv1.weight.grad.flatten().numpy(), rtol=1e-5
    )
    assert not network.conv1._forward_pre_hooks


def test_frozen_layers_have_no_gradient(batch):
    network = Functional(0)
    network.conv1.weight.requires_grad_(False)
    first = inspect(network, batch).layers[0]
    assert len(first.gradient) == 0 and np.isnan(first.ratio)
    assert all(picture.startswith(b"\x89PNG") for picture in draw_inspection(
        inspect(network, batch)).values())  # fmt: skip


def test_the_first_filters_are_found_or_their_absence_is(batch):
    network = Functional(0)
    found = inspect(network, batch)
    np.testing.assert_array_equal(found.filters, network.conv1.weight.detach().double().numpy())
    flat = nn.Sequential(nn.Flatten(), nn.Linear(81, 1), nn.Flatten(0))
    found = inspect(flat, batch)
    assert found.filters is None
    assert set(draw_inspection(found)) == {"activations", "gradients"}
