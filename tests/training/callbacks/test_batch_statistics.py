import copy

import pytorch_lightning as pl
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from medcnn.data.dataset import clean_images
from medcnn.training.callbacks.batch_statistics import PopulationStatistics


class Witness(pl.Callback):
    """Keeps what was validated, and the network as it was."""

    def __init__(self):
        self.validated = []

    def on_validation_epoch_end(self, trainer, pl_module):
        self.validated.append(copy.deepcopy(pl_module))


def moments_by_hand(task, images):
    """Return the mean of batch means and m/(m-1) of the mean of batch variances, layer by layer.

    Each layer sees what the layers before it make of the batch by the batch's own statistics.
    """
    found = {}
    task = copy.deepcopy(task).double().eval()
    norms = {name: each for name, each in task.named_modules() if isinstance(each, _BatchNorm)}
    for name, norm in norms.items():
        norm.train()

        def note(_, inputs, name=name):
            x = inputs[0]
            m = x.numel() // x.shape[1]
            found.setdefault(name, []).append(
                (x.mean((0, 2, 3)), m / (m - 1) * x.var((0, 2, 3), correction=0))
            )

        norm.register_forward_pre_hook(note)
    with torch.no_grad():
        for image in images:
            task(image.double())
    return {
        name: tuple(torch.stack(each).mean(0) for each in zip(*moments, strict=True))
        for name, moments in found.items()
    }


def test_what_is_validated_has_the_moments_of_the_training_images(tiny):
    witness = Witness()
    _, trainer = tiny(PopulationStatistics(), witness, epochs=2)
    images = list(clean_images(trainer.train_dataloader))
    assert [len(image) for image in images] == [16] * 6
    for task in witness.validated:
        expected = moments_by_hand(task, images)
        norms = {n: each for n, each in task.named_modules() if isinstance(each, _BatchNorm)}
        assert set(expected) == set(norms)
        for name, norm in norms.items():
            mean, var = expected[name]
            torch.testing.assert_close(norm.running_mean.double(), mean, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(norm.running_var.double(), var, rtol=1e-4, atol=1e-5)


def test_training_stays_what_it_was_to_the_bit(tiny):
    with_callback, _ = tiny(PopulationStatistics(), epochs=2)
    without, _ = tiny(epochs=2)
    ours, theirs = dict(with_callback.named_parameters()), dict(without.named_parameters())
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    differs = [
        not torch.equal(value, dict(without.named_buffers())[name])
        for name, value in with_callback.named_buffers()
        if name.endswith("running_var")
    ]
    assert any(differs)


def test_augmentation_is_left_out_and_the_loader_keeps_it(tiny):
    _, trainer = tiny(epochs=1)
    loader = trainer.train_dataloader
    loader.dataset.augment = "kept"
    next(clean_images(loader))
    assert loader.dataset.augment == "kept"
