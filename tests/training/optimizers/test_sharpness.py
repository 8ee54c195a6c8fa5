import pytest
import torch
from torch import nn

from medcnn.errors import ConfigError
from medcnn.training.optimizers.sharpness import SharpnessAware


def sgd(groups):
    return torch.optim.SGD(groups)


def test_a_step_by_hand():
    # L = w², w = 3: g = 6, the neighbour is 3 + 0.5, its gradient 7, the step 3 - 0.1 · 7.
    weight = nn.Parameter(torch.tensor([3.0]))
    optimizer = SharpnessAware([{"params": [weight], "lr": 0.1}], sgd, rho=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (weight**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 9.0
    assert weight.item() == pytest.approx(2.3)


def test_the_state_is_that_of_the_base_and_survives_saving():
    weight = nn.Parameter(torch.tensor([3.0, -1.0]))

    def make():
        return SharpnessAware([{"params": [weight], "lr": 0.1}], torch.optim.AdamW, rho=0.1)

    first, second = make(), make()
    (weight**2).sum().backward()
    first.base.step()
    second.load_state_dict(first.state_dict())
    second.param_groups[0]["lr"] = 0.5
    assert second.base.param_groups[0]["lr"] == 0.5
    torch.testing.assert_close(second.state[weight]["exp_avg"], first.base.state[weight]["exp_avg"])


def test_it_needs_a_closure():
    optimizer = SharpnessAware([{"params": [nn.Parameter(torch.ones(1))], "lr": 0.1}], sgd)
    with pytest.raises(ConfigError, match="evaluate each batch twice"):
        optimizer.step()
