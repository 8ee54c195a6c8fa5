"""Transfer in two processes: the copies of the network stay one, and what is frozen stays frozen."""

import os
from dataclasses import replace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy
from torch.utils.data import DataLoader

from medcnn.data.dataset import BatchSampler
from medcnn.losses import Objective
from medcnn.models import build_classifier
from medcnn.models.transfer import GradualUnfreeze
from medcnn.models.weights import WeightsOrigin
from medcnn.training.distributed import of_all_processes, own_rows, processes, whole_batch
from medcnn.training.ranks import together

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
        "tiny_resnet", weights="none", widths=[8, 16], blocks=1, image_size=16, dropout=0.5
    )
    task.network, task.transfer = network, GradualUnfreeze(every=1)
    task.transfer.setup(network, 96, WeightsOrigin("chest", "chest"))
    return task, {name: value.clone() for name, value in network.state_dict().items()}


@pytest.fixture
def halves(tiny):
    """Return data of whose batches each process trains on its own rows."""

    class Parts(tiny.batches):
        def __getitem__(self, request):
            own = super().__getitem__(replace(request, rows=request.rows[request.own]))
            return {**own, "whole": len(request.rows)}

    class Halves(tiny.data):
        def train_dataloader(self):
            data = Parts()
            place = {"rank": torch.distributed.get_rank(), "world": 2, "by_rows": True}
            sampler = BatchSampler(len(data), 32, shuffle=True, seed=1, **place)
            return DataLoader(data, batch_size=None, sampler=sampler)

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


LOGITS = torch.tensor([0.3, -1.2, 2.0, 0.1, -0.4], dtype=torch.float64)
LABELS = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
OBJECTIVES = {
    "bce": {},
    "weighted": {"class_weights": [1.0, 3.0]},
    "auc_margin": {"name": "auc_margin"},
}


def parts_of_a_batch():
    """Return what two processes have of a batch whose first part is of one class."""
    torch.distributed.init_process_group("gloo", rank=int(os.environ["LOCAL_RANK"]), world_size=2)
    logit = own_rows(LOGITS).clone().requires_grad_()
    found = {"processes": processes(), "own": logit.detach().clone()}
    for name, options in OBJECTIVES.items():
        logit.grad = None
        whole = whole_batch(logit, len(LOGITS))
        loss = Objective(**options)(whole, whole_batch(own_rows(LABELS), len(LABELS)))
        loss.backward()
        found[name] = (loss.detach(), logit.grad.clone())
    found["group"] = whole_batch(own_rows(torch.arange(len(LOGITS))), len(LOGITS))
    found["seen"] = of_all_processes([["a", "c"], []][torch.distributed.get_rank()])
    found["in turn"] = of_all_processes([["a", "c"], ["b"]][torch.distributed.get_rank()])
    both = [None, None]
    torch.distributed.all_gather_object(both, found)
    return both


def test_parts_have_the_loss_and_the_gradient_of_the_whole_batch(quick_start):
    first, second = together(parts_of_a_batch, (), 2)
    assert first["processes"] == second["processes"] == 2
    assert [len(each["own"]) for each in (first, second)] == [3, 2]
    for name, options in OBJECTIVES.items():
        logit = LOGITS.clone().requires_grad_()
        loss = Objective(**options)(logit, LABELS)
        loss.backward()
        assert first[name][0] == second[name][0] == loss.detach()
        mean = torch.cat([first[name][1], second[name][1]]) / 2  # as DistributedDataParallel has it
        np.testing.assert_allclose(mean, logit.grad, rtol=1e-12)
    assert first["group"].tolist() == second["group"].tolist() == [0, 1, 2, 3, 4]
    assert first["seen"] == second["seen"] == ["a", "c"]
    assert first["in turn"] == second["in turn"] == ["a", "b", "c"]


def test_one_process_has_the_whole_batch():
    assert whole_batch(LOGITS, len(LOGITS)) is LOGITS and own_rows(LOGITS) is LOGITS
    assert processes() == 1 and of_all_processes(iter("ab")) == ["a", "b"]
