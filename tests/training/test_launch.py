import pytest

from medcnn.errors import ConfigError
from medcnn.training.launch import Launch, check_alone, launched

TORCHRUN = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
# As srun 22.05 gives them: of the job, then of the step, whose processes it has started.
ALLOCATION = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_NODELIST": "n[1-2]"}
BATCH = {**ALLOCATION, "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NTASKS_PER_NODE": "2"}
STEP = {
    **BATCH,
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
}


def test_a_process_knows_its_place_and_says_it_as_torchrun_does():
    here = launched(TORCHRUN)
    assert here == Launch(3, 4, local_rank=1, local_world=2) and here.machines == 2
    assert launched(STEP) == Launch(3, 4, local_rank=1, local_world=2, by="srun")
    assert launched(here.variables("a", 1)) == here
    assert here.variables("a", 1)["GROUP_RANK"] == "1"
    # What starts one process a machine, and knows of no others there.
    assert launched({"RANK": "1", "WORLD_SIZE": "2"}) == Launch(1, 2)


def test_one_process_is_alone_in_an_allocation_of_several_tasks_too():
    alone = (
        {"RANK": "0", "WORLD_SIZE": "1"},
        {"WORLD_SIZE": "2"},
        {"RANK": "0", "WORLD_SIZE": "many"},
        ALLOCATION,
        BATCH,
        STEP | {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"},
    )
    for environment in alone:
        assert launched(environment) is None
        check_alone("a training", environment)


@pytest.mark.parametrize(
    "uneven",
    [STEP | {"SLURM_STEP_TASKS_PER_NODE": "3,1"}, TORCHRUN | {"GROUP_WORLD_SIZE": "3"}],
)
def test_machines_with_more_processes_than_others_are_noticed(uneven):
    assert launched(uneven).world == 4 and launched(uneven).local_world == 0


@pytest.mark.parametrize(("given", "word"), [(TORCHRUN, "without torchrun"), (STEP, "--ntasks=1")])
def test_what_is_started_several_times_is_refused_in_words(given, word):
    with pytest.raises(ConfigError, match=rf"4 times at once(.|\n)*{word}"):
        check_alone("medcnn evaluate", given)
