import pytest
import torch
from torch import nn

from medcnn.errors import ConfigError
from medcnn.models import build_classifier
from medcnn.models.initialization import DRAWN_BY, initialise, unit_variance
from medcnn.models.names import INITIALISATIONS

WIDTH, DEPTH = 256, 20


def _stack(activation):
    layers = []
    for _ in range(DEPTH):
        layers += [nn.Linear(WIDTH, WIDTH), activation()]
    return nn.Sequential(*layers)


def _variances(network, inputs):
    """Return the variance after each linear layer."""
    found, hidden = [], inputs
    with torch.no_grad():
        for layer in network:
            hidden = layer(hidden)
            if isinstance(layer, nn.Linear):
                found.append(float(hidden.var()))
    return torch.tensor(found)


@pytest.fixture
def inputs():
    torch.manual_seed(0)
    return torch.randn(512, WIDTH)


@pytest.mark.parametrize("name", ["xavier", "lecun", "orthogonal"])
def test_variance_stays_through_linear_layers(name, inputs):
    network = _stack(nn.Identity)
    initialise(network, name)
    torch.testing.assert_close(_variances(network, inputs), torch.ones(DEPTH), rtol=0.35, atol=0)


def test_an_orthogonal_stack_keeps_every_length(inputs):
    network = _stack(nn.Identity)
    initialise(network, "orthogonal")
    torch.testing.assert_close(network(inputs).norm(dim=1), inputs.norm(dim=1), rtol=1e-4, atol=0)


def test_after_relus_he_stays_at_twice_the_input_and_lecun_halves_each_layer(inputs):
    # Each ReLU halves the second moment: 2/N makes up for it, 1/N does not.
    network = _stack(nn.ReLU)
    initialise(network, "he")
    he = _variances(network, inputs)
    assert 0.5 < he[-1] / he[0] < 2
    assert 1.6 < he[0] < 2.4
    initialise(network, "lecun")
    lecun = _variances(network, inputs)
    expected = 0.5 ** (DEPTH - 1)
    assert expected / 3 < lecun[-1] / lecun[0] < expected * 3


def test_xavier_lies_between_the_two_directions():
    layer = nn.Linear(300, 100)
    torch.manual_seed(0)
    initialise(layer, "xavier")
    assert layer.weight.detach().var().item() == pytest.approx(2 / 400, rel=0.05)
    assert not layer.bias.any()


def test_convolutions_count_the_filter_in_the_fan():
    layer = nn.Conv2d(16, 64, 3)
    torch.manual_seed(0)
    initialise(layer, "he")
    assert layer.weight.detach().var().item() == pytest.approx(2 / (16 * 9), rel=0.05)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid])
def test_lsuv_gives_every_layer_unit_variance(activation, inputs):
    network = _stack(activation)
    initialise(network, "lsuv")
    before = unit_variance(network, inputs)
    assert len(before) == DEPTH and min(before.values()) < 0.9
    torch.testing.assert_close(_variances(network, inputs), torch.ones(DEPTH), rtol=1e-3, atol=0)


def test_lsuv_leaves_modes_and_running_statistics_alone():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 36, 1)
    )
    network.eval()
    unit_variance(network, torch.randn(16, 1, 8, 8))
    assert not any(module.training for module in network.modules())
    norm = network[1]
    assert not norm.running_mean.any() and norm.num_batches_tracked == 0
    assert not network[0]._forward_hooks


def test_a_dead_layer_is_left_as_it_is():
    network = nn.Sequential(nn.Linear(4, 4))
    initialise(network, "lsuv")
    before = network[0].weight.clone()
    unit_variance(network, torch.zeros(8, 4))
    assert torch.equal(network[0].weight, before)


def test_lsuv_waits_for_training_images():
    torch.manual_seed(0)
    model = build_classifier("xray_cnn", weights="none", image_size=16, widths=[8], init="lsuv")
    image = torch.rand(32, 1, 16, 16)
    model.meet_data(0.5, 0.25, lambda: image)
    maps = model.backbone.body.layer1.conv((image - 0.5) / 0.25)
    assert maps.detach().var().item() == pytest.approx(1, rel=1e-3)


def test_lsuv_leaves_the_first_loss_near_that_of_a_coin():
    torch.manual_seed(0)
    model = build_classifier("xray_cnn", weights="none", image_size=32, norm="none", init="lsuv")
    coarse = torch.randn(32, 1, 4, 4)
    image = torch.nn.functional.interpolate(coarse, size=32, mode="bilinear").sigmoid()
    drawn = model.linear.weight.clone()
    model.meet_data(0.5, 0.25, lambda: image)
    assert torch.equal(model.linear.weight, drawn)
    assert model.eval()((image - 0.5) / 0.25).abs().max() < 2


def test_other_initialisations_ask_for_no_images():
    model = build_classifier("xray_cnn", weights="none", image_size=16, widths=[8], init="he")
    model.meet_data(0.5, 0.25, lambda: pytest.fail("images were read"))


@pytest.mark.parametrize("name", DRAWN_BY)
def test_norms_keep_ones_and_zeros(name):
    norm = nn.BatchNorm2d(3)
    initialise(nn.Sequential(norm), name)
    assert torch.equal(norm.weight, torch.ones(3)) and not norm.bias.any()


def test_the_names_known_without_torch_are_those_that_there_are():
    assert ("default", *DRAWN_BY) == INITIALISATIONS


def test_default_changes_nothing_and_an_unknown_name_is_refused():
    layer = nn.Linear(3, 3)
    before = layer.weight.clone()
    initialise(layer, "default")
    assert torch.equal(layer.weight, before)
    with pytest.raises(ConfigError, match="did you mean 'xavier'"):
        initialise(layer, "xaver")
