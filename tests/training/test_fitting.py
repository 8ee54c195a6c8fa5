import pytest
import pytorch_lightning as pl
import torch

from medcnn.data.preparation import prepare
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal
from medcnn.settings.composition import compose
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


@pytest.mark.parametrize(
    "options", [[], ["callbacks.ema=0.9", "augment.operators.mixup.alpha=0.4"]]
)
def test_a_run_stopped_within_an_epoch_goes_on_as_if_nothing_had_happened(options, tmp_path):
    asked = settings(
        "data.source.n_images=90",
        "data.source.size=96",
        "data.source.difficulty=0.0",
        "data.image_size=32",
        "data.batch_size=8",
        "data.num_workers=0",
        "model=tiny_resnet",
        "model.widths=[4,8]",
        "augment=strong",
        "trainer.max_epochs=3",
        "callbacks.save_every=1",
        *options,
    )
    prepared = prepare(asked.data)

    def run(name, *callbacks):
        directory = RunDir(tmp_path / name)
        journal = Journal(directory, seed=0)
        data = build_datamodule(asked, prepared)
        return train(asked, prepared, data, directory, journal, *callbacks)

    whole = run("whole")
    steps = len(build_datamodule(asked, prepared).train_dataloader())
    with pytest.raises(KeyboardInterrupt):
        run("stopped", Stop(steps + steps // 2))
    resumed = run("stopped")
    for name, value in whole.state_dict().items():
        theirs = resumed.state_dict()[name]
        torch.testing.assert_close(theirs, value, rtol=0, atol=0, equal_nan=True, msg=name)
    curves = [(tmp_path / name / "metrics.csv").read_text() for name in ("whole", "stopped")]
    ours, theirs = ([line.split(",")[:4] for line in text.splitlines()] for text in curves)
    assert ours == theirs
