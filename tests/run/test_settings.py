"""What training writes is read back as it was; strangers' runs: inference/test_hostile_runs."""

from pydoc import locate

import pytest
import yaml

from medcnn.errors import ConfigError
from medcnn.run.directory import RunDir
from medcnn.run.settings import EARLIER, MOVED, NEEDED, TRUSTED, read_settings, write_settings
from medcnn.settings.composition import compose, plain
from medcnn.training.settings import check, checked, read_begun


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves a configuration as a run does."""

    def save(settings):
        run = RunDir(tmp_path)
        run.config.write_text(yaml.safe_dump(settings))
        return run

    return save


@pytest.fixture(scope="module", params=["xray_resnet", "pneumoniamnist", "xray_autoencoder"])
def settings(request):
    return plain(compose("train", [f"experiment={request.param}", "data.root=/somewhere"]))


def test_the_configuration_of_a_training_comes_back_as_it_went(settings, saved):
    assert read_settings(saved(settings)) == settings


@pytest.mark.parametrize("keys", NEEDED)
def test_a_configuration_without_what_every_run_has_is_named(keys, saved):
    settings = plain(compose("train", []))
    part = settings
    for key in keys[:-1]:
        part = part[key]
    del part[keys[-1]]
    with pytest.raises(ConfigError, match=".".join(keys)):
        read_settings(saved(settings))


@pytest.mark.parametrize("side", [0, -1, 4097, 32.0, True, "32", [32]])
def test_a_side_that_no_image_has_is_refused(side, saved):
    settings = plain(compose("train", []))
    settings["data"]["image_size"] = side
    with pytest.raises(ConfigError, match="from 1 to 4096"):
        read_settings(saved(settings))


def test_packages_that_the_user_trusts_are_let_through_by_name_only(saved, monkeypatch):
    settings = plain(compose("train", []))
    settings["loss"] = {"_target_": "mine.losses.Loss"}
    monkeypatch.setenv(TRUSTED, "other,mine")
    assert read_settings(saved(settings))["loss"]["_target_"] == "mine.losses.Loss"
    settings["loss"] = {"_target_": "minefield.Loss"}
    with pytest.raises(ConfigError, match=rf"minefield.Loss(.|\n)*{TRUSTED}=PACKAGE"):
        read_settings(saved(settings))


def test_runs_of_earlier_configurations_are_still_read(saved):
    settings = plain(compose("train", []))
    for target in EARLIER:
        settings["optimizer"] = {"_target_": target}
        assert read_settings(saved(settings))["optimizer"] == {"_target_": target}


def test_targets_of_earlier_homes_are_named_as_today(saved):
    settings = plain(compose("train", []))
    target, today = "medcnn.tasks.schedules.Cosine", settings["scheduler"]["_target_"]
    settings["scheduler"] = {"_target_": target}
    settings["several"] = [{"within": {"_target_": target}}]
    found = read_settings(saved(settings))
    assert found["scheduler"]["_target_"] == today
    assert found["several"][0]["within"]["_target_"] == today


def test_a_missing_configuration_is_told_in_words(tmp_path):
    with pytest.raises(ConfigError, match="not a configuration that medcnn can use"):
        read_settings(RunDir(tmp_path))


def test_what_is_read_can_be_trained_again(saved):
    settings = check(compose("train", ["model=tiny_resnet", "loss=focal"]))
    run = saved({})
    write_settings(run, settings)
    assert checked(read_begun(run)) == settings


def test_targets_that_have_moved_since_are_found_where_they_are(saved):
    settings = plain(compose("train", []))
    before = {
        "optimizer": "medcnn.tasks.optimizers.make_optimizer",
        "scheduler": "medcnn.tasks.schedules.Cosine",
    }
    for group, target in before.items():
        settings[group]["_target_"] = target
    assert read_settings(saved(settings)) == plain(compose("train", []))
    for target in MOVED.values():
        assert locate(target) is not None
