from dataclasses import replace

import pytest

from medcnn.crossvalidation.whole import check_whole, fold_of
from medcnn.errors import ConfigError
from medcnn.settings.composition import compose, plain
from medcnn.settings.reading import read
from medcnn.training.settings import Settings


def whole(*overrides):
    return read(Settings, plain(compose("train", ["data.fold=all", *overrides])))


def test_only_all_folds_are_the_whole():
    assert whole().data.is_whole
    assert not whole("data.fold=0", "data.folds=5").data.is_whole
    assert not whole("data.fold=null").data.is_whole


def test_a_fold_differs_in_its_number_and_place_alone(tmp_path):
    settings = check_whole(whole("data.folds=3", "run_dir=joint"))
    one = fold_of(settings, 2, tmp_path)
    assert (one.data.fold, one.run_dir) == (2, str(tmp_path))
    assert (settings.data.fold, settings.run_dir) == ("all", "joint")
    assert replace(one, data=replace(one.data, fold="all"), run_dir="joint") == settings


def test_the_number_of_folds_is_asked_for():
    with pytest.raises(ConfigError, match="needs the number of folds"):
        check_whole(whole("data.folds=null"))


def test_a_value_wrong_in_every_fold_is_found_at_once():
    with pytest.raises(ConfigError, match=r"model.dropout cannot be 1\.5"):
        check_whole(whole("data.folds=3", "model.dropout=1.5"))


def test_folds_by_source_need_no_number_and_no_other_threshold_does_without_them():
    by_site = whole("data.folds=null", "data.fold_by=site", "threshold.on=out_of_source")
    settings = check_whole(by_site)
    assert (settings.data.folds, settings.threshold_on) == (None, "out_of_source")
    with pytest.raises(ConfigError, match="needs predictions for sources"):
        check_whole(whole("data.folds=3", "threshold.on=out_of_source"))
