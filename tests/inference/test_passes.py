from typing import get_args

import pytest

from medcnn.augment.views import VIEWS
from medcnn.calibration.combination import MERGES, VOTES
from medcnn.calibration.passes import Passes
from medcnn.errors import ConfigError
from medcnn.inference.runs import passes_of
from medcnn.inference.settings import (
    AskedDropout,
    AskedViews,
    Dropout,
    Ensemble,
    Merge,
    RunSettings,
    ViewList,
    Views,
    Vote,
)

TRAINED = RunSettings(
    ensemble=Ensemble(members=3, vote="rank"),
    views=Views("flips", "geometric", 4, Dropout("blocks", 0.1)),
    seed=7,
)


def test_null_is_as_trained():
    assert passes_of(AskedViews(), TRAINED) == Passes(
        "rank", "flips", "geometric", 4, "blocks", 0.1, 7
    )


def test_what_is_asked_for_comes_first_also_where_it_is_nothing():
    found = passes_of(AskedViews(tta="none", mc_samples=0, vote="soft"), TRAINED)
    assert found.single
    assert found.vote == "soft"
    assert found.merge == "geometric"


def test_several_runs_start_from_the_plain_way():
    assert passes_of(AskedViews(), None, seed=3) == Passes(seed=3)
    assert Passes().single


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vote": "sof"}, "soft"),
        ({"merge": "men"}, "mean"),
        ({"mc_samples": -1}, "mc_samples cannot be -1"),
        ({"mc_samples": True}, "mc_samples cannot be True"),
        ({"mc_samples": 2.5}, "mc_samples cannot be 2.5"),
    ],
)
def test_impossible_passes_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Passes(**options)


def test_the_views_are_as_trained_where_nothing_else_is_asked_for():
    assert AskedViews(mc=AskedDropout(p=0.5)).as_trained  # of dropout that is put nowhere
    assert not AskedViews(mc=AskedDropout(inject="head")).as_trained
    assert not AskedViews(tta="none").as_trained


def test_the_configuration_knows_every_name():
    assert set(get_args(ViewList)) == set(VIEWS)
    assert set(get_args(Merge)) == set(MERGES)
    assert set(get_args(Vote)) == set(VOTES)
