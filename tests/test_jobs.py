"""Real sweeps by Hydra's own launcher, joblib's and submitit's; the jobs plan studies, quickly."""

import copy

import pytest

from medcnn.cli import run
from medcnn.errors import ConfigError, UserError
from medcnn.jobs import Job, SweepError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_every_job_runs_and_the_end_names_those_that_failed(capfd):
    assert run("plan", ["-m", "sensitivity=0.9,1.5,0.8", "width=0.1"]) == 2
    said = capfd.readouterr()
    assert "around sensitivity 0.9" in said.out
    assert "around sensitivity 0.8" in said.out
    assert "1 of 3 jobs of the sweep failed" in said.err
    assert "job 1 (sensitivity=1.5 width=0.1): " in said.err
    assert "Error executing job" not in said.err


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_failures_in_other_processes_reach_the_command(launcher, capfd):
    arguments = ["-m", f"hydra/launcher={launcher}", "sensitivity=1.5,1.6", "width=0.1"]
    if launcher == "joblib":
        arguments.append("hydra.launcher.n_jobs=2")  # not as few as there are cores for tests
    assert run("plan", arguments) == 2
    assert "2 of 2 jobs of the sweep failed" in capfd.readouterr().err


def test_a_sweep_of_sound_jobs_ends_well():
    assert run("plan", ["-m", "sensitivity=0.9,0.8", "width=0.1"]) == 0


def test_the_exit_code_of_a_sweep_is_that_of_its_jobs():
    user, fault = UserError("x"), ValueError("y")
    assert SweepError([(0, ["a=1"], user)], 2).exit_code == 2
    assert SweepError([(0, ["a=1"], user), (1, ["a=2"], fault)], 2).exit_code == 1
    again = copy.copy(SweepError([(0, ["a=1"], user)], 2))  # by what pickling uses too
    assert (again.exit_code, str(again)) == (2, str(SweepError([(0, ["a=1"], user)], 2)))


def test_a_job_explains_what_hydra_raised():
    from omegaconf import OmegaConf

    job = Job("train", "hydra.utils:instantiate", ())
    with pytest.raises(ConfigError, match="takes no 'name'"):
        job(OmegaConf.create({"_target_": "fractions.Fraction", "name": 1}))
