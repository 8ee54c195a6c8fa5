"""How many threads a run computes with."""

from dataclasses import replace

import pytest
import torch
from threadpoolctl import threadpool_info

import medcnn
from medcnn.files.plain import read_json
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal
from medcnn.settings.composition import compose
from medcnn.training.settings import check
from medcnn.training.threads import chosen_threads, work_of, working_threads


def settings(*overrides):
    return check(compose("train", [*overrides, "trainer.accelerator=cpu"]))


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["experiment=xray_resnet"], 8),
        (["model=resnet18", "data.image_size=224"], 8),
        (["model=tiny_resnet", "data.image_size=28", "data.batch_size=64"], 1),
        (["model=tiny_resnet", "data.image_size=28", "trainer.threads=3"], 3),
        (["experiment=xray_resnet", "trainer.threads=1"], 1),
    ],
)
def test_the_work_of_a_step_decides(overrides, expected):
    assert chosen_threads(settings(*overrides), 8)[0] == expected
    if expected > 3:
        assert chosen_threads(settings(*overrides), 1)[0] == 1


def test_work_grows_with_the_batch():
    small = settings("model=tiny_resnet", "data.batch_size=16")
    large = replace(small, data=replace(small.data, batch_size=48))
    assert work_of(large) == 3 * work_of(small)


def test_a_run_that_goes_on_keeps_its_threads(tmp_path):
    before = torch.get_num_threads()
    journal = Journal(RunDir(tmp_path), seed=0)
    with working_threads(settings("trainer.threads=2", "model=tiny_resnet"), journal):
        assert torch.get_num_threads() == 2
        blas = [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]
        assert before == 2 or set(blas) == {2}
    assert torch.get_num_threads() == before
    again = Journal(RunDir(tmp_path), seed=0)
    with working_threads(settings("trainer.threads=1", "model=tiny_resnet"), again) as count:
        assert count == 2 == read_json(tmp_path / "environment.json")["threads"]


def test_a_run_says_and_records_them(easy_data, tmp_path, capsys):
    given = [*easy_data, "trainer.fast_dev_run=true", "trainer.threads=1", f"run_dir={tmp_path}"]
    run = medcnn.train(given).paths
    assert read_json(run.environment)["threads"] == 1
    assert "threads: 1, trainer.threads=1" in capsys.readouterr().out
