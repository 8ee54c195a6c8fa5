import pytest

from medcnn.crossvalidation.whole import check_whole, fold_of, is_whole
from medcnn.errors import ConfigError
from medcnn.settings.composition import compose


def whole(*overrides):
    return compose("train", ["data.fold=all", *overrides])


def test_only_all_folds_are_the_whole():
    assert is_whole(whole())
    assert not is_whole(compose("train", ["data.fold=0", "data.folds=5"]))
    assert not is_whole(compose("train", []))


def test_a_fold_differs_in_its_number_and_place_alone(tmp_path):
    settings = check_whole(whole("data.folds=3", "run_dir=joint"))
    one = fold_of(settings, 2, tmp_path)
    assert (one["data"]["fold"], one["run_dir"]) == (2, str(tmp_path))
    assert (settings["data"]["fold"], settings["run_dir"]) == ("all", "joint")
    one["data"]["fold"], one["run_dir"] = "all", "joint"
    assert one == settings


@pytest.mark.parametrize("folds", ["null", "1", "true"])
def test_the_number_of_folds_is_asked_for(folds):
    with pytest.raises(ConfigError, match="needs the number of folds"):
        check_whole(whole(f"data.folds={folds}"))


def test_a_value_wrong_in_every_fold_is_found_at_once():
    with pytest.raises(ConfigError, match=r"model.dropout cannot be 1\.5"):
        check_whole(whole("data.folds=3", "model.dropout=1.5"))
