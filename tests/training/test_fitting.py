import json
import os
import signal

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch

from medcnn.data.preparation import prepare
from medcnn.record.record import read_curves
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal
from medcnn.settings.composition import compose
from medcnn.training.answers import RankError
from medcnn.training.fitting import build_datamodule, chosen_optimizer, train
from medcnn.training.settings import check


def settings(*overrides):
    return check(compose("train", overrides))


@pytest.mark.parametrize(
    ("precision", "fused"),
    [("32-true", True), pytest.param("16-mixed", False, marks=pytest.mark.gpu)],
)
def test_fused_optimisers_are_for_gradients_that_are_not_scaled(precision, fused):
    found = chosen_optimizer(settings(f"trainer.precision={precision}")).arguments
    assert found["fused"] is fused
    assert "rates" not in found


class Stop(pl.Callback):
    """Interrupts the training after some steps."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == self.step:
            raise KeyboardInterrupt


SMALL = (
    "data.source.n_images=90",
    "data.source.size=96",
    "data.source.difficulty=0.0",
    "data.image_size=32",
    "data.num_workers=0",
    "model=tiny_resnet",
    "model.widths=[8,16]",
)


@pytest.fixture(scope="module")
def prepared():
    return prepare(settings(*SMALL).data)


@pytest.fixture
def trained(prepared, tmp_path):
    """Return a function that trains with settings, and returns the newest state and the curves."""

    def run(name, asked, *callbacks):
        directory = RunDir(tmp_path / name)
        data = build_datamodule(asked, prepared)
        train(asked, prepared, data, directory, Journal(directory, seed=0), *callbacks)
        newest = torch.load(directory.last_checkpoint, weights_only=True)
        return newest["state_dict"], read_curves(directory.metrics).drop(columns="seconds")

    return run


@pytest.mark.parametrize(
    "options",
    [
        ["robust.by=[sex,label]", "augment.operators.mixup=null", "mixstyle.p=0.7"],
        ["callbacks.ema=0.9", "augment.operators.mixup.alpha=0.4"],
    ],
)
def test_a_run_stopped_within_an_epoch_goes_on_as_if_nothing_had_happened(
    options, trained, prepared
):
    asked = settings(
        *SMALL,
        "data.batch_size=8",
        "augment=strong",
        "trainer.max_epochs=3",
        "callbacks.save_every=1",
        *options,
    )
    whole, curves = trained("whole", asked)
    steps = len(build_datamodule(asked, prepared).train_dataloader())
    with pytest.raises(KeyboardInterrupt):
        trained("stopped", asked, Stop(steps + steps // 2))
    resumed, theirs = trained("stopped", asked)
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0, equal_nan=True, msg=name)
    pd.testing.assert_frame_equal(curves, theirs, check_exact=True)


class Die(pl.Callback):
    """Ends one of several processes, the first time that it comes to a step."""

    def __init__(self, step, mark):
        self.step, self.mark = step, mark

    def on_train_batch_start(self, trainer, *_):
        there = trainer.global_rank == 1 and trainer.global_step == self.step
        if there and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


TOGETHER = (
    *SMALL,
    "data.batch_size=15",
    "augment=strong",
    "augment.operators.mixup.alpha=0.4",
    "model.dropout=0",
    "optimizer=sgd",
    "optimizer.lr=0.05",
    "trainer.precision=32-true",
    "trainer.max_epochs=2",
    "callbacks.save_every=1",
)


def same(one, two, within):
    for name, value in one.items():
        torch.testing.assert_close(
            two[name], value, rtol=within, atol=within, equal_nan=True, msg=name
        )


def test_two_processes_train_the_model_that_one_trains(trained, tmp_path, quick_start):
    """Batches of 15 are divided into 8 and 7; validation is one batch, and one process has none."""
    alone = [*TOGETHER, "trainer.accelerator=cpu"]
    one, curves = trained("one", settings(*alone))
    two, theirs = trained("two", settings(*alone, "trainer.devices=2"))
    same(one, two, within=1e-6)
    assert curves["val_auroc"].tolist() == pytest.approx(theirs["val_auroc"].tolist(), abs=1e-12)
    pd.testing.assert_frame_equal(curves, theirs, atol=1e-5)

    goes_on_where_one_is_killed(trained, tmp_path, [*alone, "trainer.devices=2"], two, theirs)


def goes_on_where_one_is_killed(trained, folder, asked, whole, curves):
    steps = int(curves["step"].iloc[0])
    with pytest.raises(RankError, match="signal 9"):
        trained("killed", settings(*asked), Die(steps + 2, folder / "died"))
    assert not list((folder / "killed").rglob("*.tmp"))
    resumed, after = trained("killed", settings(*asked))
    same(whole, resumed, within=0)
    pd.testing.assert_frame_equal(curves, after, check_exact=True)
    environment = json.loads((folder / "killed" / "environment.json").read_text())
    assert environment["processes"] == 2 and environment["seconds"]["train"] > 0


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="two GPUs are needed")
def test_two_gpus_train_the_model_that_one_trains(trained, tmp_path):
    alone = [*TOGETHER, "trainer.accelerator=gpu", "trainer.deterministic=true"]
    one, curves = trained("one", settings(*alone))
    two, theirs = trained("two", settings(*alone, "trainer.devices=2"))
    same(one, two, within=1e-4)  # convolutions on GPUs choose their way by the size of the batch
    assert curves["val_auroc"].tolist() == pytest.approx(theirs["val_auroc"].tolist(), abs=1e-3)
    goes_on_where_one_is_killed(trained, tmp_path, [*alone, "trainer.devices=2"], two, theirs)
