"""Transfer in two processes: the copies of the network stay one, and what is frozen stays frozen."""

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy
from torch.utils.data import DataLoader

from medcnn.data.dataset import BatchSampler
from medcnn.models import build_classifier
from medcnn.models.transfer import GradualUnfreeze
from medcnn.models.weights import WeightsOrigin

EPOCHS = 3


class Watch(pl.Callback):
    """Keeps every parameter and buffer after every epoch, and what the optimiser has."""

    def __init__(self, folder):
        self.folder, self.seen = folder, {}

    def on_train_epoch_end(self, trainer, pl_module):
        network = pl_module.network
        optimised = {id(p) for group in trainer.optimizers[0].param_groups for p in group["params"]}
        self.seen[trainer.current_epoch] = {
            "state": {name: value.clone() for name, value in network.state_dict().items()},
            "free": [name for name, p in network.named_parameters() if p.requires_grad],
            "optimised": [name for name, p in network.named_parameters() if id(p) in optimised],
            "modes": {name: module.training for name, module in network.named_modules()},
        }

    def on_fit_end(self, trainer, pl_module):
        path = self.folder / f"{trainer.current_epoch}_{trainer.global_rank}.pt"
        torch.save(self.seen, path)


def started(make_task):
    """Return a task whose network starts frozen, and that network's state."""
    task = make_task()
    torch.manual_seed(0)
    network = build_classifier(
        "tiny_resnet", weights="none", widths=[4, 8], blocks=1, image_size=16, dropout=0.5
    )
    task.network, task.transfer = network, GradualUnfreeze(every=1)
    task.transfer.setup(network, 96, WeightsOrigin("chest", "chest"))
    return task, {name: value.clone() for name, value in network.state_dict().items()}


@pytest.fixture
def halves(tiny):
    """Return data of which each process trains on its own half."""

    class Halves(tiny.data):
        def train_dataloader(self):
            images = super().train_dataloader().dataset
            mine = slice(torch.distributed.get_rank(), None, 2)
            images.image, images.label = images.image[mine], images.label[mine]
            sampler = BatchSampler(len(images), 16, shuffle=True, seed=1)
            return DataLoader(images, batch_size=None, sampler=sampler)

    return Halves()


def test_copies_agree_and_the_frozen_stay_also_after_thawing_and_resuming(tiny, halves, tmp_path):
    def train(epochs, ckpt_path=None):
        task, start = started(tiny.make_task)
        torch.set_num_threads(1)  # a forked process has no pool of threads
        tiny(
            Watch(tmp_path),
            pl.callbacks.ModelCheckpoint(tmp_path, save_last=True),
            task=task, data=halves, ckpt_path=ckpt_path, epochs=epochs, devices=2,
            strategy=DDPStrategy(process_group_backend="gloo", start_method="fork"),
        )  # fmt: skip
        return start

    start = train(EPOCHS - 1)
    train(EPOCHS, tmp_path / "last.ckpt")
    first, second = (
        torch.load(tmp_path / f"{EPOCHS - 1}_{rank}.pt")
        | torch.load(tmp_path / f"{EPOCHS}_{rank}.pt")
        for rank in (0, 1)
    )
    before = start
    for epoch in range(EPOCHS):
        record = first[epoch]
        state = record["state"]
        for name, value in state.items():
            assert torch.equal(value, second[epoch]["state"][name]), f"{name} in epoch {epoch}"
        assert record["free"] == record["optimised"] == second[epoch]["optimised"]
        joined = ["backbone.body.layer2", "backbone.body.layer1"][:epoch]
        moved = {name for name in state if not torch.equal(before[name], state[name])}
        assert {name.rsplit(".", 1)[0] for name in moved} >= {"linear"}
        assert {name for name in moved if not name.startswith("linear")} == {
            name for name in state if name.startswith(tuple(joined))
        }
        training = {name for name, on in record["modes"].items() if on and "layer" in name}
        assert all(name.startswith(tuple(joined)) for name in training)
        before = state
