from typing import get_args

import pytest

from medcnn.augment.views import VIEWS
from medcnn.calibration.combination import MERGES, VOTES
from medcnn.calibration.passes import Passes
from medcnn.errors import ConfigError
from medcnn.inference.passes import passes_of
from medcnn.inference.settings import Dropout, Ensemble, Merge, RunSettings, ViewList, Views, Vote

ASKED = {
    "vote": None,
    "tta": None,
    "tta_merge": None,
    "mc_samples": None,
    "mc": {"inject": None, "p": None},
}
TRAINED = RunSettings(
    ensemble=Ensemble(members=3, vote="rank"),
    views=Views("flips", "geometric", 4, Dropout("blocks", 0.1)),
    seed=7,
)


def test_null_is_as_trained():
    assert passes_of(ASKED, TRAINED) == Passes("rank", "flips", "geometric", 4, "blocks", 0.1, 7)


def test_what_is_asked_for_comes_first_also_where_it_is_nothing():
    found = passes_of(ASKED | {"tta": "none", "mc_samples": 0, "vote": "soft"}, TRAINED)
    assert found.single
    assert found.vote == "soft"
    assert found.merge == "geometric"


def test_several_runs_start_from_the_plain_way():
    assert passes_of(ASKED, None) == Passes()
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


def test_an_unknown_list_of_views_is_refused_by_the_nearest_name():
    with pytest.raises(ConfigError, match="light"):
        passes_of(ASKED | {"tta": "ligth"})


def test_the_configuration_knows_every_name():
    assert set(get_args(ViewList)) == set(VIEWS)
    assert set(get_args(Merge)) == set(MERGES)
    assert set(get_args(Vote)) == set(VOTES)
