from importlib.util import find_spec

import pytest
import torch

from medcnn.errors import ConfigError
from medcnn.settings.composition import compose
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


@pytest.mark.parametrize("option", ["num_nodes=2", "strategy=ddp", "callbacks=null"])
def test_what_medcnn_decides_is_not_handed_to_lightning_twice(option):
    with pytest.raises(ConfigError, match="is not the user's to choose"):
        requirements(f"+trainer.{option}")
    requirements("+trainer.num_nodes=1")


@pytest.mark.parametrize(
    "given",
    ["data.batch_size=3", "optimizer=lbfgs", "experiment=xray_autoencoder"],
)
def test_what_several_devices_cannot_divide_is_refused(given):
    with pytest.raises(ConfigError, match=r"devices=2"):
        check_requirements(check(compose("train", [given, "trainer.devices=2"])))


def test_several_processes_of_a_cpu_may_train_together():
    requirements("trainer.accelerator=cpu", "trainer.devices=2")


def test_a_command_that_a_launcher_started_several_times_is_refused(monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "2")
    with pytest.raises(ConfigError, match=r"srun(.|\n)*SLURM_NTASKS=2"):
        requirements()


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
