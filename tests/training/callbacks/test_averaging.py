import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.optim.swa_utils import AveragedModel, update_bn

from medcnn.errors import ConfigError, MedcnnWarning
from medcnn.settings.reading import read
from medcnn.training.callbacks.averaging import ExponentialAverage, StochasticAverage
from medcnn.training.callbacks.loss_valley import LossValley
from medcnn.training.settings import Callbacks


class Witness(pl.Callback):
    """Keeps the training weights after each step, and the validated ones of each epoch."""

    def __init__(self):
        self.steps, self.validated = [], []

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.steps.append(copy(pl_module.network))

    def on_validation_epoch_end(self, trainer, pl_module):
        self.validated.append(copy(pl_module.network))


def copy(network):
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def assert_same(ours, theirs):
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], msg=name)


def reference_ema(start, steps, decay):
    average = {name: value.clone() for name, value in start.items()}
    for t, weights in enumerate(steps, 1):
        d = min(decay, (1 + t) / (10 + t))
        for name, value in weights.items():
            if value.is_floating_point():
                average[name] = d * average[name] + (1 - d) * value
            else:
                average[name] = value
    return average


def test_the_exponential_average_is_the_written_sum_and_is_what_is_validated_and_saved(
    tiny, tmp_path
):
    witness, ema = Witness(), ExponentialAverage(0.9)
    best = ModelCheckpoint(tmp_path, "best", monitor="val_auroc", mode="max")
    task = tiny.make_task()
    start = copy(task.network)
    tiny(witness, ema, best, task=task)
    expected = reference_ema(start, witness.steps, 0.9)
    assert_same(ema.average, expected)
    assert_same(witness.validated[-1], expected)
    assert_same(copy(task.network), witness.steps[-1])
    saved = torch.load(best.best_model_path, weights_only=True)["state_dict"]
    kept = {name[8:]: value for name, value in saved.items() if name.startswith("network.")}
    assert any(all(torch.equal(kept[k], one[k]) for k in kept) for one in witness.validated)
    assert not torch.equal(kept["linear.weight"], witness.steps[-1]["linear.weight"])


def test_a_resumed_average_is_the_uninterrupted_one(tiny, tmp_path):
    whole = ExponentialAverage(0.9)
    task, _ = tiny(whole, epochs=3)
    first = ExponentialAverage(0.9)
    _, trainer = tiny(first, epochs=1)
    trainer.save_checkpoint(tmp_path / "one.ckpt")
    second = ExponentialAverage(0.9)
    other, _ = tiny(second, epochs=3, ckpt_path=tmp_path / "one.ckpt")
    assert_same(second.average, whole.average)
    assert_same(copy(other.network), copy(task.network))


def test_the_stochastic_average_is_that_of_torch_with_its_batch_norm_statistics(tiny):
    witness, swa = Witness(), StochasticAverage(0.5, bn_batches=100)
    task, _ = tiny(swa, witness, epochs=4)
    ends = witness.steps[5::6]
    reference = AveragedModel(task.network)
    network = tiny.make_task().network
    for weights in ends[2:]:
        network.load_state_dict(weights)
        reference.update_parameters(network)
    # Dropout comes after every BatchNorm here, so that torch's train mode does not matter.
    loader = tiny.data().train_dataloader()
    loader.sampler.set_epoch(3)
    images = [batch["image"] for batch in loader]
    update_bn([task.normalize(image) for image in images], reference)
    ours, theirs = swa.average, copy(reference.module)
    for name in ours:
        if "num_batches" not in name:
            torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-5, msg=name)
    assert_same(witness.validated[1], ends[1])
    assert_same(witness.validated[3], swa.average)


def test_the_dense_average_is_the_mean_of_the_weights_of_every_step(tiny):
    witness, swa = Witness(), StochasticAverage(0.5, bn_batches=100, dense=True)
    tiny(swa, witness, epochs=4)
    late = witness.steps[12:]
    assert len(late) == 12
    for name in ("linear.weight", "linear.bias"):
        mean = torch.stack([weights[name] for weights in late]).mean(0)
        torch.testing.assert_close(swa.average[name], mean)
    assert_same(witness.validated[1], witness.steps[11])
    assert_same(witness.validated[3], swa.average)


def test_a_valley_averages_all_its_steps_and_is_what_is_validated_also_after_a_resume(
    tiny, tmp_path
):
    witness, whole = Witness(), LossValley(100.0, (1, 2), bn_batches=3)
    task, _ = tiny(witness, whole, epochs=3)
    for name in ("linear.weight", "linear.bias"):
        mean = torch.stack([weights[name] for weights in witness.steps]).mean(0)
        torch.testing.assert_close(whole.average[name], mean)
    assert_same(witness.validated[2], whole.average)
    first = LossValley(100.0, (1, 2), bn_batches=3)
    _, trainer = tiny(first, epochs=1)
    trainer.save_checkpoint(tmp_path / "one.ckpt")
    second = LossValley(100.0, (1, 2), bn_batches=3)
    other, _ = tiny(second, epochs=3, ckpt_path=tmp_path / "one.ckpt")
    assert_same(second.average, whole.average)
    assert_same(copy(other.network), copy(task.network))


def test_training_ends_where_the_valley_does(tiny):
    valley = LossValley(1.3, (1, 1), bn_batches=3)
    valley.limit = 0.0  # it has begun, and no loss is as low
    _, trainer = tiny(valley, epochs=5)
    assert trainer.current_epoch == 2 and len(valley.segments) == 1


def test_a_valley_that_never_begins_is_said(tiny):
    with pytest.warns(MedcnnWarning, match="No valley of the validation loss began in 1 epoch"):
        tiny(LossValley(1.3, (2, 6), bn_batches=3), epochs=1)


@pytest.mark.parametrize("given", [{"ema": 0}, {"ema": 1}, {"swa": 1.0}, {"bn_batches": 0}])
def test_an_average_that_never_moves_or_begins_is_refused(given):
    with pytest.raises(ConfigError, match=rf"callbacks\.{next(iter(given))} cannot be"):
        read(Callbacks, given, lenient=True, prefix="callbacks.")
