"""How many processes share a machine."""

import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.settings.composition import compose
from medcnn.training import sharing
from medcnn.training.settings import check
from medcnn.training.sharing import places


def settings(*overrides):
    return check(compose("train", ["model=tiny_resnet", *overrides]))


@pytest.mark.parametrize(
    ("asked", "tasks", "threads", "expected"),
    [
        ("auto", 5, 1, 5),
        ("auto", 20, 1, 8),
        ("auto", 5, 4, 2),
        ("auto", 5, 8, 1),
        ("auto", 1, 1, 1),
        ("1", 5, 1, 1),
        ("3", 5, 8, 3),
    ],
)
def test_cores_divided_by_threads_unless_told(monkeypatch, asked, tasks, threads, expected):
    monkeypatch.setattr(sharing, "cpu_count", lambda: 8)
    given = settings("trainer.accelerator=cpu", f"parallel={asked}")
    found = places(given, tasks, threads)
    assert len(found) == expected
    if expected > 1:
        assert {place["LOKY_MAX_CPU_COUNT"] for place in found} == {str(8 // expected)}


def test_one_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    found = places(settings(), 5, 16)
    assert [place["CUDA_VISIBLE_DEVICES"] for place in found] == ["3", "5"]
    assert places(settings("trainer.devices=[1]"), 5, 16) == [{}]


def test_trainings_of_several_devices_each_are_not_put_side_by_side():
    assert places(settings("trainer.accelerator=cpu", "trainer.devices=2"), 3, 1) == [{}]
    with pytest.raises(ConfigError, match=r"parallel=2 trainer\.devices=2"):
        places(settings("parallel=2", "trainer.accelerator=cpu", "trainer.devices=2"), 3, 1)
