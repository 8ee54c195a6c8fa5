import numpy as np
import pytest
import torch

from medcnn.augment import Augmentation


class Recorder:
    """A mix that keeps what it was given and what it returned."""

    def __init__(self):
        self.mix = Augmentation({"mixup": {"alpha": 1.0, "p": 1.0}}).mix
        self.drawn = []

    def __call__(self, image, label, rng):
        mixed = self.mix(image, label, rng)
        self.drawn.append(mixed[1].clone())
        return mixed


def test_training_batches_are_mixed_by_step_and_validation_batches_are_not(tiny):
    first, second = Recorder(), Recorder()
    tiny(task=tiny.make_task(mix=first))
    tiny(task=tiny.make_task(mix=second))
    assert (
        len(first.drawn) == 12
    )  # 6 training batches in each of 2 epochs; validation has 6 as well
    for ours, theirs in zip(first.drawn, second.drawn, strict=True):
        assert torch.equal(ours, theirs)
    fractional = torch.cat(first.drawn)
    assert ((fractional > 0) & (fractional < 1)).any()
    assert len({tuple(label.tolist()) for label in first.drawn}) == 12


def test_a_resumed_run_repeats_dropout_and_mixing(tiny, tmp_path):
    mix = Augmentation({"cutmix": {"p": 0.5}}).mix
    whole, _ = tiny(task=tiny.make_task(mix=mix), epochs=3)
    _, trainer = tiny(task=tiny.make_task(mix=mix), epochs=2)
    trainer.save_checkpoint(tmp_path / "two.ckpt")
    resumed, _ = tiny(task=tiny.make_task(mix=mix), epochs=3, ckpt_path=tmp_path / "two.ckpt")
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_the_epoch_is_logged_from_all_of_its_images(tiny):
    task, trainer = tiny(epochs=1)
    images = tiny.data().val_dataloader().dataset
    with torch.no_grad():
        logit = task.eval()(images.image)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, images.label)
    assert float(trainer.logged_metrics["val_loss"]) == pytest.approx(float(loss), rel=1e-5)
    assert np.isfinite(float(trainer.logged_metrics["train_auroc"]))
