import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.settings.composition import compose
from medcnn.training.devices import choose_precision, device_count, trainer_options
from medcnn.training.settings import check


def settings(*overrides):
    return check(compose("train", overrides))


def test_precision_is_as_asked_or_as_the_processor_has_it():
    assert choose_precision("32-true") == "32-true"
    fast = torch.cpu._is_avx512_bf16_supported()
    assert choose_precision("auto", "cpu") == ("bf16-mixed" if fast else "32-true")


def test_half_precision_is_refused_where_lightning_would_take_another():
    with pytest.raises(ConfigError, match="needs a GPU"):
        choose_precision("16-mixed", "cpu")


def test_a_run_has_one_device_however_many_there_are():
    assert trainer_options(settings().trainer)["devices"] == 1
    assert trainer_options(settings("trainer.devices=[1]").trainer)["devices"] == [1]


def test_devices_are_counted_as_they_are_given():
    for given, count in (("1", 1), ("3", 3), ("[1]", 1), ("[0,2]", 2)):
        assert device_count(settings(f"trainer.devices={given}").trainer) == count
    found = settings("trainer.devices=auto", "trainer.accelerator=cpu")
    assert device_count(found.trainer) == 1
