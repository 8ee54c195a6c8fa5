"""One model trained by processes that torchrun has started, real ones."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import torch

import medcnn

ROOT = Path(__file__).parents[2]
SMALL = (
    "experiment=xray_resnet",
    "data.source.n_images=90",
    "data.source.size=96",
    "data.source.difficulty=0.0",
    "data.image_size=32",
    "data.num_workers=0",
    "data.batch_size=15",
    "model=tiny_resnet",
    "model.widths=[8,16]",
    "model.dropout=0",
    "optimizer=sgd",
    "optimizer.lr=0.05",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
    "trainer.max_epochs=2",
)
# The exit code of each process goes into a file.
EACH = 'trap : TERM; "$@"; code=$?; echo $code > code.$RANK; exit $code'
TORCHRUN = (sys.executable, "-m", "torch.distributed.run")


def start(folder, *words, options=("--nproc-per-node=2",), by_shell=True):
    medcnn_ = [sys.executable, "-c", "from medcnn.cli import main; main()", *words]
    each = ["sh", "-c", EACH, "sh"] if by_shell else []
    return subprocess.Popen(
        [*TORCHRUN, *options, "--no-python", *each, *medcnn_],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )


def said(*started):
    return "".join(each.communicate()[0] for each in started)


def codes(folder):
    return [int(path.read_text()) for path in sorted(folder.glob("code.*"))]


def weights(run):
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def same(one, two, within):
    for name, value in weights(one).items():
        torch.testing.assert_close(
            weights(two)[name], value, rtol=within, atol=within, equal_nan=True, msg=name
        )


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Return the run of one process."""
    run = tmp_path_factory.mktemp("alone") / "run"
    return medcnn.train([*SMALL, f"run_dir='{run}'"])


def same_run(alone, folder):
    same(alone.path, folder / "run", within=5e-6)  # of five seeds 2.5e-6, see docs/scale.md
    other = medcnn.Run(folder / "run")
    assert other.journal.content["processes"] == 2
    for run in (alone, other):
        assert run.results.n == 15
    one, two = (run.curves["val_auroc"].tolist() for run in (alone, other))
    assert one == pytest.approx(two, abs=1e-12)


def test_processes_that_torchrun_starts_train_one_model_and_one_of_them_speaks(tmp_path):
    told = said(start(tmp_path, "train", *SMALL, "trainer.max_epochs=1", "run_dir=run"))
    assert codes(tmp_path) == [0, 0], told
    for once in ("2 processes train together", "epoch   1/1", "report  "):
        assert told.count(once) == 1, told
    run = medcnn.Run(tmp_path / "run")
    assert run.journal.content["processes"] == 2 and run.results.n == 15


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="two GPUs are needed")
def test_processes_train_together_on_gpus(tmp_path):
    on_gpus = ("train", *SMALL, "trainer.accelerator=gpu", "trainer.deterministic=true")
    alone = medcnn.train([*on_gpus[1:], f"run_dir='{tmp_path / 'alone'}'"])
    told = said(start(tmp_path, *on_gpus, "run_dir=run"))
    assert codes(tmp_path) == [0, 0], told
    same(alone.path, tmp_path / "run", within=1e-4)  # convolutions choose their way by the batch


@pytest.mark.long
def test_two_agents_stand_for_two_machines_and_train_the_model_of_one(alone, tmp_path):
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    port = store.port
    del store
    options = ("--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d")
    options = (*options, f"--rdzv-endpoint=127.0.0.1:{port}", "--rdzv-id=medcnn")
    words = ("train", *SMALL, "run_dir=run", "+trainer.num_nodes=2")
    told = said(*[start(tmp_path, *words, options=options) for _ in range(2)])
    assert codes(tmp_path) == [0, 0], told
    same_run(alone, tmp_path)


@pytest.fixture
def leaking(tmp_path):
    """Return a folder whose test images are those of training again."""
    rng = np.random.default_rng(0)
    for label in ("NORMAL", "PNEUMONIA"):
        for number in range(8):
            pixels = rng.integers(0, 256, (64, 64), np.uint8)
            for split in ("train", "test"):
                folder = tmp_path / "images" / split / label
                folder.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / f"{split}{number}.png"), pixels)
    return tmp_path / "images"


@pytest.mark.long
def test_all_end_with_the_code_of_the_first_and_one_message(leaking, tmp_path):
    refused = [
        (("train", "experiment=xray_resnt"), 2, "xray_resnt"),
        (("train", *SMALL, "trainer.devices=3"), 2, "trainer.devices=3 does not go with"),
        (("train", "-m", *SMALL, "seed=1,2"), 2, "medcnn train -m was started 2 times"),
        (("evaluate", "run=run"), 2, "medcnn evaluate was started 2 times at once, by torchrun"),
        (("train", "model=tiny_resnet", "data=folder", f"data.root={leaking}"), 3, "audit stopped"),
    ]
    for words, code, message in refused:
        told = said(start(tmp_path, *words))
        assert codes(tmp_path) == [code, code], told
        assert len(re.findall("^medcnn: ", told, flags=re.MULTILINE)) == 1, told
        assert message in told, told
        for path in tmp_path.glob("code.*"):
            path.unlink()


@pytest.mark.long
def test_a_killed_process_ends_the_others_and_the_run_goes_on_to_the_same(tmp_path):
    words = ("train", *SMALL, "trainer.max_epochs=3", "callbacks.save_every=1")
    whole, run = tmp_path / "whole", tmp_path / "run"
    said(start(tmp_path, *words, f"run_dir={whole}"))
    agent = start(tmp_path, *words, f"run_dir={run}", by_shell=False)
    while not (run / "metrics.csv").is_file():
        assert agent.poll() is None
        time.sleep(0.05)
    ranks = psutil.Process(agent.pid).children()
    ranks[1].send_signal(signal.SIGKILL)
    told = said(agent)
    assert agent.returncode == 1 and "SIGKILL" in told, told  # torchrun's own words
    psutil.wait_procs(ranks, timeout=30)
    assert not any(each.is_running() for each in ranks)
    said(start(tmp_path, "train", f"resume={run}"))
    assert codes(tmp_path) == [0, 0]
    same(whole, run, within=0)
