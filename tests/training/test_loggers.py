"""Loggers as a training leaves them, read back by TensorBoard."""

import pytest
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import medcnn
from medcnn.errors import ConfigError
from medcnn.files.plain import read_json
from medcnn.run.directory import RunDir
from medcnn.settings.composition import compose
from medcnn.training.logger_choice import chosen_loggers
from medcnn.training.loggers import log_outcome, opened
from medcnn.training.settings import check


def settings(*overrides):
    return check(compose("train", list(overrides)))


def scalars(folder):
    found = EventAccumulator(str(folder))
    found.Reload()
    return {tag: [each.value for each in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def test_a_run_leaves_its_course_and_its_results_with_their_intervals(easy_data, tmp_path):
    run = medcnn.train(
        [*easy_data, "logger=tensorboard", "trainer.max_epochs=2", f"run_dir={tmp_path / 'run'}"]
    )
    path = RunDir(tmp_path / "run").path
    found, results = scalars(path / "tensorboard"), read_json(path / "results.json")
    assert len(found["train_loss"]) == len(found["lr"]) == len(found["gradient_norm"]) == 2
    for name in ("sensitivity", "specificity", "auroc"):
        ends = [found[f"test_{name}{end}"] for end in ("", "_low", "_high")]
        expected = [results[name]["value"], *results[name]["ci"]]
        assert [value for (value,) in ends] == pytest.approx(expected, abs=1e-6)
    assert run is not None


def test_each_run_has_a_logger_of_its_own(tmp_path):
    asked = settings("logger=tensorboard")
    for number in range(2):
        member = RunDir(tmp_path).member(number)
        with opened(asked, member) as (logger,):
            assert isinstance(logger, TensorBoardLogger)
            logger.log_metrics({"x": float(number)}, step=0)
        log_outcome(asked, member, {"y": 10.0 + number})
    for number in range(2):
        found = scalars(RunDir(tmp_path).member(number).path / "tensorboard")
        assert (found["x"], found["y"]) == ([number], [10 + number])


def test_it_writes_where_it_is_told(tmp_path):
    asked = settings("logger=tensorboard", f"logger.save_dir={tmp_path / 'else'}")
    with opened(asked, RunDir(tmp_path / "run")) as (logger,):
        assert logger.log_dir.startswith(str(tmp_path / "else"))
    with opened(settings(), RunDir(tmp_path / "run")) as loggers:
        assert loggers == []


def test_several_are_each_as_their_own_yaml_has_them():
    asked = settings(
        "logger=several", "logger.loggers=[mlflow,wandb]", "+logger.options.wandb.project=mine"
    )
    mlflow, wandb = chosen_loggers(asked.logger)
    assert mlflow.target == "pytorch_lightning.loggers.MLFlowLogger"
    assert mlflow.arguments["experiment_name"] == "xray"
    assert wandb.arguments["project"] == "mine" and wandb.arguments["offline"] is True
    with pytest.raises(ConfigError, match="did you mean 'wandb'"):
        chosen_loggers(settings("logger=several", "logger.loggers=[wandbb]").logger)
