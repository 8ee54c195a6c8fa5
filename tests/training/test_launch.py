import pytest

from medcnn.errors import ConfigError
from medcnn.training.launch import Launch, check_alone, launched

TORCHRUN = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}
SLURM = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "3"}


def test_a_process_knows_its_place():
    assert launched(TORCHRUN) == Launch(1, 2, ("RANK", "WORLD_SIZE"))
    assert launched(SLURM) == Launch(3, 4, ("SLURM_PROCID", "SLURM_NTASKS"))


@pytest.mark.parametrize(
    "alone",
    [{}, {"RANK": "0", "WORLD_SIZE": "1"}, {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "1"},
     {"SLURM_JOB_ID": "7"}, {"WORLD_SIZE": "many"}],
)  # fmt: skip
def test_one_process_is_alone(alone):
    assert launched(alone) is None
    check_alone("a training", alone)


@pytest.mark.parametrize(("given", "word"), [(TORCHRUN, "torchrun"), (SLURM, "--ntasks=1")])
def test_what_is_started_several_times_is_refused_in_words(given, word):
    with pytest.raises(ConfigError, match=rf"at once(.|\n)*{word}(.|\n)*trainer.devices=N"):
        check_alone("a training", given)
