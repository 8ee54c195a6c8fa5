import math

import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.tasks.schedules import Constant, Cosine


def test_cosine_without_warmup_is_torch_cosine_annealing():
    total = 40
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total, eta_min=0.1)
    ours = Cosine(warmup_fraction=0.0, floor=0.1)
    for step in range(total):
        assert math.isclose(ours.factor(step, total), theirs.get_last_lr()[0], abs_tol=1e-9)
        optimizer.step()
        theirs.step()


def test_warmup_rises_and_the_rest_falls():
    factors = [Cosine(warmup_fraction=0.25).factor(step, 100) for step in range(101)]
    assert factors[:25] == sorted(factors[:25])
    assert factors[25:] == sorted(factors[25:], reverse=True)
    assert factors[25] == 1.0
    assert factors[-1] == pytest.approx(0.01)


def test_constant():
    assert {Constant().factor(step, 10) for step in range(11)} == {1.0}


@pytest.mark.parametrize("options", [{"warmup_fraction": 1.0}, {"floor": -0.1}])
def test_bad_values_are_refused(options):
    with pytest.raises(ConfigError, match="does not fit"):
        Cosine(**options)
