"""A run that was killed ends as one that was not, in everything but its times."""

import json
import os
import shutil
import signal
from pathlib import Path

import pandas as pd
import pytest
import torch

import medcnn
from medcnn.cli import run as command
from medcnn.run.directory import RunDir, atomic_path
from medcnn.training.checkpoints import WholeCheckpoints


def train_until_the_best_is_half_written(asked):
    save = WholeCheckpoints.save_checkpoint

    def die_in(self, content, path, storage_options=None):
        if Path(path).name == "best.ckpt":
            with atomic_path(Path(path)) as half:
                half.write_bytes(b"half")
                os.kill(os.getpid(), signal.SIGKILL)
        return save(self, content, path, storage_options)

    WholeCheckpoints.save_checkpoint = die_in
    command("train", asked)


def files(run):
    return {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()} - {
        "uncommitted.diff"
    }


def test_a_run_killed_in_the_middle_of_a_checkpoint_ends_as_one_that_was_not(
    easy_data, tmp_path, forked
):
    # The epoch is over and its curves are written; the newest state is one of its steps, because the
    # one behind its validation comes after the best.
    asked = [*easy_data, "trainer.max_epochs=2", "callbacks.save_every=2", "optimizer.lr=0.01"]
    whole = medcnn.train([*asked, f"run_dir={tmp_path / 'whole'}"]).paths
    killed = RunDir(tmp_path / "killed")
    code, said = forked(train_until_the_best_is_half_written, [*asked, f"run_dir={killed.path}"])
    assert code == -signal.SIGKILL, said
    assert len(list(killed.path.rglob(".*-*.ckpt"))) == 1
    assert not killed.results.exists()
    medcnn.train([f"resume={killed.path}"])
    curves = [pd.read_csv(run.metrics).drop(columns="seconds") for run in (whole, killed)]
    assert len(curves[0]) == 2
    pd.testing.assert_frame_equal(*curves, check_exact=True)
    for split in ("val", "test"):
        assert killed.predictions(split).read_bytes() == whole.predictions(split).read_bytes()
    results = [json.loads(run.results.read_text()) for run in (whole, killed)]
    assert results[0] == results[1]
    assert files(killed) == files(whole)


@pytest.mark.parametrize("change", ["shape", "name", "no state", "torn"])
def test_a_state_of_another_training_is_refused_by_name(trained_run, tmp_path, capfd, change):
    run = RunDir(shutil.copytree(trained_run.path, tmp_path / "run"))
    for path in (run.results, run.report):
        path.unlink()
    state = torch.load(run.last_checkpoint, weights_only=True)
    weights = state["state_dict"]
    if change == "shape":
        weights["network.linear.weight"] = torch.ones(1, 99)
    elif change == "name":
        weights["network.other"] = weights.pop("network.linear.weight")
    elif change == "no state":
        state = {"state_dict": weights}
    torch.save(state, run.last_checkpoint)
    if change == "torn":
        run.last_checkpoint.write_bytes(run.last_checkpoint.read_bytes()[:999])
    assert command("train", [f"resume={run.path}"]) == 2
    said = capfd.readouterr().err
    assert "last.ckpt" in said
    assert "resume= then trains from the beginning" in said
    assert "Traceback" not in said
