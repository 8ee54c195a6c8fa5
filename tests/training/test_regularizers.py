import numpy as np
import pytest
import torch
from torch import nn

from medcnn.errors import ConfigError
from medcnn.settings.reading import read
from medcnn.training import settings
from medcnn.training.regularizers import Penalty, l1, l2


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))


def test_norms_are_those_of_numpy(network):
    weights = [network[0].weight, network[3].weight]
    flat = np.concatenate([weight.detach().numpy().ravel() for weight in weights])
    assert float(l1(weights)) == pytest.approx(np.linalg.norm(flat, 1))
    assert float(l2(weights)) == pytest.approx(np.linalg.norm(flat, 2) ** 2 / 2)


def test_the_elastic_net_by_hand():
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, -4.0]]))
    value = Penalty(l1=0.1, l2=0.01).value(layer)
    assert float(value) == pytest.approx(0.1 * 7 + 0.01 * 25 / 2)
    value.backward()
    assert layer.weight.grad.tolist() == [pytest.approx([0.1 + 0.03, -0.1 - 0.04])]
    assert layer.bias.grad is None


def test_gradients():
    weight = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: l1([w]) + l2([w]), weight)


def test_biases_norms_chosen_and_frozen_layers_are_exempt(network):
    assert [len(w) for w in Penalty().weights(network)] == [3, 2]
    assert Penalty(exempt=["3.*"]).weights(network) == [network[0].weight]
    network[0].requires_grad_(False)
    assert Penalty(exempt=["3.*"]).weights(network) == []
    assert float(Penalty(l2=1.0, exempt=["3.*"]).value(network)) == 0


def test_no_coefficient_costs_nothing(network):
    assert Penalty(decay=0.1, max_norm=1.0).value(network) is None


def test_l2_with_sgd_is_the_weight_decay_of_torch(network):
    import copy

    other = copy.deepcopy(network)
    image = torch.randn(4, 1, 4, 4)
    ours = torch.optim.SGD(network.parameters(), lr=0.1)
    theirs = torch.optim.SGD(
        [
            {"params": [p for p in other.parameters() if p.ndim > 1], "weight_decay": 0.3},
            {"params": [p for p in other.parameters() if p.ndim == 1]},
        ],
        lr=0.1,
    )
    for _ in range(3):
        for model, optimizer in ((network, ours), (other, theirs)):
            optimizer.zero_grad()
            loss = model(image).square().sum()
            penalty = Penalty(l2=0.3).value(model)
            (loss + penalty if model is network else loss).backward()
            optimizer.step()
    for a, b in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_decoupled_decay_with_adam_is_adamw(network):
    import copy

    other = copy.deepcopy(network)
    ours, theirs = (
        torch.optim.Adam(network.parameters(), lr=0.1),
        torch.optim.AdamW(
            [
                {"params": [p for p in other.parameters() if p.ndim > 1], "weight_decay": 0.3},
                {"params": [p for p in other.parameters() if p.ndim == 1], "weight_decay": 0.0},
            ],
            lr=0.1,
        ),
    )
    Penalty(decay=0.3).attach(ours, network)
    image = torch.randn(4, 1, 4, 4)
    for _ in range(3):
        for model, optimizer in ((network, ours), (other, theirs)):
            optimizer.zero_grad()
            model(image).square().sum().backward()
            optimizer.step()
    for a, b in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_max_norm_holds_after_a_step_and_spares_the_exempt(network):
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    Penalty(max_norm=0.5, exempt=["3.*"]).attach(optimizer, network)
    before = network[3].weight.norm()
    network(torch.randn(4, 1, 4, 4)).square().sum().backward()
    optimizer.step()
    norms = network[0].weight.flatten(1).norm(dim=1)
    assert (norms <= 0.5 + 1e-6).all()
    assert network[3].weight.flatten(1).norm(dim=1).max() > 0.5
    assert before > 0


@pytest.mark.parametrize("options", [{"l1": -1}, {"decay": -0.1}, {"max_norm": 0.0}])
def test_impossible_coefficients_are_refused(options):
    with pytest.raises(ConfigError, match=rf"penalty\.{next(iter(options))} cannot be"):
        read(settings.Penalty, options, lenient=True, prefix="penalty.")


def test_a_name_that_fits_nothing_is_refused(network):
    with pytest.raises(ConfigError, match="no parameter to exempt"):
        Penalty(exempt=["linear.*"]).weights(network)
