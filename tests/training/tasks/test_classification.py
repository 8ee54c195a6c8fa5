from functools import partial

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from medcnn.augment import Augmentation
from medcnn.data.dataset import BatchSampler
from medcnn.losses import Objective
from medcnn.losses.robust import GroupRobust
from medcnn.models.transfer import GradualUnfreeze, LastK
from medcnn.training.optimizers.named import make_optimizer
from medcnn.training.optimizers.schedules import Plateau
from medcnn.training.regularizers import Penalty
from medcnn.training.tasks.faults import DivergenceError


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
    class Uneven(tiny.data):
        def val_dataloader(self):
            data = super().val_dataloader().dataset
            sampler = BatchSampler(len(data), 40)  # 40, 40 and 16 images
            return torch.utils.data.DataLoader(data, batch_size=None, sampler=sampler)

    task, trainer = tiny(epochs=1, data=Uneven())
    images = tiny.data().val_dataloader().dataset
    with torch.no_grad():
        logit = task.eval()(images.image)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, images.label)
    assert float(trainer.logged_metrics["val_loss"]) == pytest.approx(float(loss), rel=1e-5)
    assert np.isfinite(float(trainer.logged_metrics["train_auroc"]))


def resumed_equals_whole(tiny, tmp_path, make, epochs=4):
    whole, _ = tiny(task=make(), epochs=epochs)
    _, trainer = tiny(task=make(), epochs=epochs // 2)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    resumed, _ = tiny(task=make(), epochs=epochs, ckpt_path=tmp_path / "half.ckpt")
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    return whole, resumed


def test_a_resumed_unfreezing_goes_on_exactly(tiny, tmp_path):
    def make():
        task = tiny.make_task(optimizer=torch.optim.Adam, lr=0.01)
        task.transfer = GradualUnfreeze(every=1)
        task.transfer.setup(task.network, 96, task.network.weights_origin)
        return task

    resumed_equals_whole(tiny, tmp_path, make)


def test_frozen_batch_norm_stays_frozen_where_an_epoch_is_resumed_in_its_middle(tiny, tmp_path):
    def make():
        task = tiny.make_task()
        task.transfer = LastK(0)
        task.transfer.setup(task.network, 96, task.network.weights_origin)
        return task

    half = pl.callbacks.ModelCheckpoint(
        tmp_path, filename="half", every_n_train_steps=3, save_top_k=1, monitor=None
    )
    begun, _ = tiny(half, task=make(), epochs=1, limit_train_batches=4)
    resumed, _ = tiny(task=make(), epochs=1, ckpt_path=tmp_path / "half.ckpt")
    fresh = make().network.backbone.body.stem.bn
    for task in (begun, resumed):
        norm = task.network.backbone.body.stem.bn
        assert torch.equal(norm.running_mean, fresh.running_mean)
        assert norm.num_batches_tracked == 0


def test_a_resumed_plateau_goes_on_exactly(tiny, tmp_path):
    def make():
        return tiny.make_task(schedule=Plateau(shrink=0.5, patience=0, threshold=1.0), lr=0.1)

    whole, resumed = resumed_equals_whole(tiny, tmp_path, make)
    assert whole.optimizers().param_groups[0]["lr"] == pytest.approx(0.1 * 0.5**3)
    assert resumed.optimizers().param_groups[0]["lr"] == pytest.approx(0.1 * 0.5**3)


@pytest.mark.parametrize("name", ["sam", "lbfgs", "muon", "adamw", "sgd"])
def test_every_kind_of_optimizer_state_is_resumed(tiny, tmp_path, name):
    options = {"sam": {"base": "sgd", "rho": 0.05, "momentum": 0.9}, "lbfgs": {"max_iter": 2}}

    def make():
        return tiny.make_task(
            optimizer=partial(make_optimizer, name=name, lr=0.01, **options.get(name, {})), lr=0.01
        )

    resumed_equals_whole(tiny, tmp_path, make)


def test_a_batch_that_is_evaluated_twice_counts_once(tiny):
    sam = partial(make_optimizer, name="sam", lr=1e-9, base="sgd", rho=1e-9)
    plain = partial(make_optimizer, name="sgd", lr=1e-9)
    found = []
    for optimizer in (sam, plain):
        task, trainer = tiny(task=tiny.make_task(optimizer=optimizer, lr=1e-9), epochs=1)
        norm = task.network.backbone.body.stem.bn
        found.append((float(trainer.logged_metrics["train_loss"]), norm.running_mean.clone()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1])


def test_the_penalty_is_logged_by_itself_and_is_part_of_the_objective(tiny):
    task, trainer = tiny(task=tiny.make_task(penalty=Penalty(l2=0.5), lr=1e-9), epochs=1)
    weights = [p.detach() for p in task.network.parameters() if p.ndim > 1]
    expected = 0.25 * sum(float(weight.square().sum()) for weight in weights)
    assert float(trainer.logged_metrics["penalty"]) == pytest.approx(expected, rel=1e-4)
    shrunk, _ = tiny(task=tiny.make_task(penalty=Penalty(l2=0.5), lr=0.05), epochs=2)
    free, _ = tiny(task=tiny.make_task(lr=0.05), epochs=2)
    assert shrunk.network.linear.weight.norm() < free.network.linear.weight.norm()


def test_a_loss_that_is_no_number_stops_the_training_at_once(tiny):
    with pytest.raises(DivergenceError, match=r"training loss is (nan|inf)(.|\n)*optimizer.lr="):
        tiny(task=tiny.make_task(lr=1e38), epochs=2)


@pytest.mark.parametrize(("split", "what"), [("train", "training"), ("val", "validation")])
def test_losses_that_no_step_looked_at_are_checked_when_the_epoch_is_done(tiny, split, what):
    class Unseen(pl.Callback):
        """Leaves what a GPU does that is not asked for the loss of each batch."""

        def on_validation_epoch_end(self, trainer, pl_module):
            loss, logit, label = pl_module._seen[split][3]
            pl_module._seen[split][3] = (torch.full_like(loss, torch.nan), logit, label)

    with pytest.raises(DivergenceError, match=f"The {what} loss is nan in epoch 1, batch 4"):
        tiny(Unseen(), epochs=1)


def test_a_plateau_waits_for_a_higher_auroc_and_a_lower_loss(tiny):
    for monitor, mode in (("val_auroc", "max"), ("val_loss", "min")):
        task, _ = tiny(task=tiny.make_task(schedule=Plateau(), monitor=monitor), epochs=1)
        assert task._plateau.mode == mode


def test_of_groups_the_curves_tell_the_mean_that_validation_tells(tiny):
    robust = GroupRobust(Objective(), [8, 8], step=10.0)
    task, images = tiny.make_task(loss=robust).eval(), tiny.batches()
    batch = {"image": images.image[:16], "label": images.label[:16]}
    groups = (images.label[:16] > 0).long()
    with torch.no_grad():
        task._step({**batch, "group": groups}, "train")
        weighted = task._step({**batch, "group": groups}, "train")
        mean = task._step(batch, "val")
    assert [float(seen[0]) for seen in task._seen["train"]] == pytest.approx([float(mean)] * 2)
    assert abs(float(weighted) - float(mean)) > 1e-3
