import contextvars
from importlib.util import find_spec

import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.settings.composition import compose
from medcnn.training.launch import Launch, heed, launched
from medcnn.training.requirements import check_requirements
from medcnn.training.settings import check


def requirements(*overrides):
    check_requirements(check(compose("train", ["model=tiny_resnet", *overrides])))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize(
    "override",
    ["trainer.accelerator=gpu", "trainer.accelerator=tpu", "trainer.accelerator=mps",
     "trainer.accelerator=abacus", "trainer.devices=[1]"],
)  # fmt: skip
def test_a_device_that_is_not_there_is_named_before_the_data(override):
    with pytest.raises(ConfigError, match=r"cannot train on(.|\n)*trainer\.accelerator=auto"):
        requirements(override)


def test_an_option_of_lightning_is_passed_on_or_named():
    requirements("+trainer.limit_train_batches=0.5")
    with pytest.raises(ConfigError, match=r"did you mean trainer\.limit_train_batches"):
        requirements("+trainer.limit_train_batch=0.5")


@pytest.mark.parametrize("option", ["strategy=ddp", "callbacks=null"])
def test_what_medcnn_decides_is_not_handed_to_lightning_twice(option):
    with pytest.raises(ConfigError, match="is not the user's to choose"):
        requirements(f"+trainer.{option}")


def test_several_machines_need_one_who_starts_their_processes():
    with pytest.raises(ConfigError, match=r"cannot train on 2 machines(.|\n)*torchrun --nnodes"):
        requirements("+trainer.num_nodes=2")
    requirements("+trainer.num_nodes=1")


@pytest.mark.parametrize(
    "given",
    ["data.batch_size=3", "optimizer=lbfgs", "experiment=xray_autoencoder"],
)
def test_what_several_devices_cannot_divide_is_refused(given):
    with pytest.raises(ConfigError, match=r"devices=2|2 devices"):
        check_requirements(check(compose("train", [given, "trainer.devices=2"])))


def test_several_processes_of_a_cpu_may_train_together():
    requirements("trainer.accelerator=cpu", "trainer.devices=2")


@pytest.fixture
def torchrun(monkeypatch):
    """Let this be a process of torchrun's, of two machines with two each."""
    for name, value in Launch(0, 4, 0, 2).variables("127.0.0.1", 1).items():
        monkeypatch.setenv(name, value)


def test_a_training_that_does_not_know_of_its_launcher_is_refused(torchrun):
    with pytest.raises(ConfigError, match=r"A training was started 4 times at once, by torchrun"):
        requirements()


def test_processes_that_a_launcher_started_are_held_against_what_is_asked_for(
    torchrun, monkeypatch
):
    def asked(*overrides):
        with_words = contextvars.copy_context()
        with_words.run(heed, launched())
        with_words.run(requirements, "trainer.accelerator=cpu", *overrides)

    asked()
    asked("trainer.devices=2", "+trainer.num_nodes=2", "parallel=auto")
    refused = {
        "trainer.devices=4": r"trainer\.devices=1 or (.|\n)*trainer\.devices=2(.|\n)*4 processes",
        "+trainer.num_nodes=4": r"trainer\.num_nodes=1 or trainer\.num_nodes=2",
        "parallel=2": "one model is trained by all processes",
        "data.batch_size=7": "among 4 devices",
        "optimizer=lbfgs": r"one device(.|\n)*without torchrun",
    }
    for override, words in refused.items():
        with pytest.raises(ConfigError, match=words):
            asked(override)
    monkeypatch.setenv("GROUP_WORLD_SIZE", "3")
    with pytest.raises(ConfigError, match=r"as many processes on each(.|\n)*ntasks-per-node"):
        asked()


def test_code_that_the_run_could_not_be_read_back_with_is_refused_until_it_is_trusted(monkeypatch):
    own = "+loss.x=1", "loss._target_=statistics.NormalDist"
    with pytest.raises(ConfigError, match="MEDCNN_TRUSTED_PACKAGES=statistics"):
        requirements(*own)
    monkeypatch.setenv("MEDCNN_TRUSTED_PACKAGES", "statistics")
    with pytest.raises(ConfigError, match=r"NormalDist cannot be called(.|\n)*unexpected keyword"):
        requirements(*own)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["optimizer._target_=torch.optim.SGD"], "SGD cannot be called with the values of optim"),
        (["optimizer._target_=torch.optim.Sgd"], "is not there"),
        (["logger=tensorboard", "logger._target_=pytorch_lightning.loggers.NoLogger"], "not there"),
    ],
)
def test_a_class_of_the_libraries_is_looked_up_and_held_against_its_values(overrides, said):
    with pytest.raises(ConfigError, match=said):
        requirements(*overrides)


@pytest.mark.skipif(find_spec("wandb") is not None, reason="wandb is installed")
def test_a_logger_that_is_not_installed_is_named_with_its_extra():
    with pytest.raises(ConfigError, match=r"needs wandb(.|\n)*\[loggers\]"):
        requirements("logger=wandb")
