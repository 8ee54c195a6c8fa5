from __future__ import annotations

import numpy as np
import pytest

from medcnn.augment.geometry import Rotation
from medcnn.augment.operator import checked, checked_range, log_uniform, uniform
from medcnn.errors import ConfigError


def test_half_width_becomes_range_around_neutral():
    assert checked_range(10, "rotation.degrees", -180, 180) == (-10, 10)
    assert checked_range(0.25, "scale.factor", 0.1, 10, neutral=1) == (0.75, 1.25)
    assert checked_range([0.9, 1.3], "scale.factor", 0.1, 10, neutral=1) == (0.9, 1.3)


@pytest.mark.each("value", [[2, 1], [1, 2, 3], [0, 999], "wide", None, float("nan"), -3])
def test_bad_range_is_refused(value):
    with pytest.raises(ConfigError, match="rotation"):
        Rotation(degrees=value)


def test_single_number_without_neutral_value_is_refused():
    with pytest.raises(ConfigError, match="expected: a pair"):
        checked_range(0.5, "crop.area", 0.01, 1, neutral=None)


@pytest.mark.parametrize("p", [-0.1, 1.5, "often", float("nan")])
def test_probability_outside_of_unit_interval_is_refused(p):
    with pytest.raises(ConfigError, match=r"rotation\.p cannot be"):
        Rotation(p=p)


def test_checked_says_what_was_expected():
    with pytest.raises(ConfigError, match="a number from 0 to 1"):
        checked(2, "noise.sd", 0, 1)


def test_probability_is_the_share_of_active_images():
    active = Rotation(p=0.3).draw(np.random.default_rng(0), 20_000)["active"]
    assert abs(active.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 20_000)


def test_options_do_not_change_how_many_numbers_are_drawn():
    after = []
    for operator in (Rotation(degrees=1, p=0.1), Rotation(degrees=90, p=1.0)):
        rng = np.random.default_rng(5)
        operator.draw(rng, 7)
        after.append(rng.random())
    assert after[0] == after[1]


def test_uniform_and_log_uniform_stay_within_their_ends():
    rng = np.random.default_rng(0)
    flat, log = uniform(rng, 20_000, (2, 6)), log_uniform(rng, 20_000, (0.5, 2))
    assert 2 <= flat.min() <= flat.max() <= 6
    assert abs(flat.mean() - 4) < 0.05
    assert 0.5 <= log.min() <= log.max() <= 2
    assert abs(np.log(log).mean()) < 0.02
