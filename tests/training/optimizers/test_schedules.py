"""Every schedule against torch.optim.lr_scheduler."""

import math

import pytest
import torch
from torch.optim import lr_scheduler

from medcnn.errors import ConfigError
from medcnn.training.optimizers.schedules import (
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    Plateau,
    Polynomial,
    Step,
)

TOTAL = 40
PAIRS = {
    "constant": (Constant(), lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
    "step": (Step((0.5, 0.75), 0.1), lambda o: lr_scheduler.MultiStepLR(o, [20, 30], 0.1)),
    "exponential": (
        Exponential(0.01),
        lambda o: lr_scheduler.ExponentialLR(o, 0.01 ** (1 / TOTAL)),
    ),
    "polynomial": (Polynomial(2.0), lambda o: lr_scheduler.PolynomialLR(o, TOTAL, 2.0)),
    "cosine": (
        Cosine(warmup_fraction=0.0, floor=0.1),
        lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL, eta_min=0.1),
    ),
    "restarts": (
        Cosine(warmup_fraction=0.0, floor=0.1, cycles=4),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, TOTAL // 4, eta_min=0.1),
    ),
    "one_cycle": (
        OneCycle(),
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=TOTAL),
    ),
}


@pytest.mark.each("name", PAIRS)
def test_it_is_that_of_torch(name):
    ours, make = PAIRS[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    theirs = make(optimizer)
    for step in range(TOTAL):
        rate = optimizer.param_groups[0]["lr"]
        assert math.isclose(ours.factor(step, TOTAL), rate, rel_tol=1e-6, abs_tol=1e-8), step
        optimizer.step()
        if step < TOTAL - 1:
            theirs.step()


def test_warmup_rises_and_the_rest_falls():
    factors = [Cosine(warmup_fraction=0.25).factor(step, 100) for step in range(101)]
    assert factors[:25] == sorted(factors[:25])
    assert factors[25:] == sorted(factors[25:], reverse=True)
    assert (factors[0], factors[24]) == pytest.approx((1 / 26, 25 / 26))
    assert factors[25] == 1.0
    assert factors[-1] == pytest.approx(0.01)


def test_cycles_end_where_the_rate_is_lowest():
    schedule = Cosine(warmup_fraction=0.1, floor=0.0, cycles=3)
    ends = schedule.cycle_ends(100)
    assert ends == [40, 70, 100]
    for end in ends[:-1]:
        assert schedule.factor(end - 1, 100) < 0.01
        assert schedule.factor(end, 100) == 1.0


def test_plateau_is_that_of_torch_on_rising_scores():
    ours, theirs = (torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0) for _ in "ab")
    follower = Plateau(shrink=0.5, patience=1, floor=0.2).follow(ours, mode="max")
    reference = lr_scheduler.ReduceLROnPlateau(
        theirs, "max", factor=0.5, patience=1, threshold=1e-4, threshold_mode="abs", min_lr=0.2
    )
    rates = []
    for score in (0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.7, 0.7, 0.7, 0.7):
        follower.step(score)
        reference.step(score)
        rates.append(ours.param_groups[0]["lr"])
        assert rates[-1] == theirs.param_groups[0]["lr"]
    assert rates[0] == 1.0 and rates[-1] == 0.2


@pytest.mark.each(
    "make",
    [
        lambda: Cosine(warmup_fraction=1.0),
        lambda: Cosine(floor=-0.1),
        lambda: Cosine(cycles=0),
        lambda: Step(milestones=(1.5,)),
        lambda: Step(gamma=0.0),
        lambda: Exponential(0.0),
        lambda: Polynomial(0.0),
        lambda: OneCycle(rise=1.0),
        lambda: Plateau(shrink=1.0),
    ],
)
def test_bad_values_are_refused(make):
    with pytest.raises(ConfigError, match="does not fit"):
        make()
