from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from PIL import Image
from torch import nn

from medcnn.augment import Augmentation
from medcnn.data.cache.cache import build_cache
from medcnn.data.datamodule import (
    XrayDataModule,
    sample_images,
    training_pixels,
    worker_count,
)
from medcnn.data.manifest import build_manifest
from medcnn.errors import DataError

OPERATORS = {"rotation": {"degrees": 10}, "translation": {}, "contrast": {}, "noise": {}}


@pytest.fixture
def prepared(tmp_path):
    y, x = np.mgrid[:32, :32]
    rows = []
    for i in range(20):
        grey = 120 + 60 * np.sin(x / (3 + i / 4)) + 50 * np.cos(y / (4 + i / 5))
        Image.fromarray(grey.astype(np.uint8)).save(tmp_path / f"{i}.png")
        split = "train" if i < 12 else "val" if i < 16 else "test"
        rows.append((f"i{i}", str(tmp_path / f"{i}.png"), i % 2, split))
    table = pd.DataFrame(rows, columns=["image_id", "path", "label", "split"])
    manifest = build_manifest(table, source="waves")
    cache = build_cache(manifest.table, size=32, root=tmp_path / "c", workers=0, progress=False)
    return manifest, cache


def module(prepared, **options) -> XrayDataModule:
    return XrayDataModule(
        *prepared, augment=Augmentation(OPERATORS), batch_size=4, num_workers=0, **options
    )


def images_of(data: XrayDataModule) -> torch.Tensor:
    return torch.cat(
        [data.on_after_batch_transfer(batch, 0)["image"] for batch in data.train_dataloader()]
    )


def test_the_device_augments_as_the_loader_does(prepared):
    loader, device = (images_of(module(prepared, augment_on=on)) for on in ("loader", "device"))
    assert loader.shape == device.shape == (12, 1, 32, 32)
    assert (loader - device).abs().max() < 4 / 255
    assert (loader - device).abs().mean() < 1 / 255


def test_only_training_batches_are_augmented(prepared):
    for augment_on in ("loader", "device"):
        data = module(prepared, augment_on=augment_on)
        for batch in (*data.val_dataloader(), *data.test_dataloader()):
            assert "pending" not in batch
        seen = torch.cat([batch["image"] for batch in data.val_dataloader()])
        cache = prepared[1]
        plain = cache.take(cache.rows_of([f"i{i}" for i in range(12, 16)]))
        assert torch.allclose(seen, torch.from_numpy(plain / np.float32(255))[:, None])


def test_auto_is_the_loader_without_a_gpu(prepared):
    batch = next(iter(module(prepared, augment_on="auto").train_dataloader()))
    assert "pending" not in batch


def test_a_plain_function_stays_with_the_loader(prepared):
    data = XrayDataModule(
        *prepared, augment=lambda images, _rng: 255 - images, batch_size=4, augment_on="device"
    )
    assert "pending" not in next(iter(data.train_dataloader()))


class Seeing(pl.LightningModule):
    """Keeps the batches that it is trained on."""

    def __init__(self):
        super().__init__()
        self.layer, self.seen = nn.Linear(1, 1), []

    def training_step(self, batch, _index):
        assert "pending" not in batch
        self.seen.append(batch["image"])
        return self.layer(batch["label"][:, None]).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


@pytest.mark.filterwarnings("ignore")
def test_a_trainer_meets_the_same_images_either_way(prepared):
    seen = {}
    for augment_on in ("loader", "device"):
        task = Seeing()
        trainer = pl.Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_val_batches=0,
        )
        trainer.fit(task, module(prepared, augment_on=augment_on))
        seen[augment_on] = torch.cat(task.seen)
    assert seen["device"].shape == (24, 1, 32, 32)
    assert (seen["loader"] - seen["device"]).abs().mean() < 1 / 255
    assert not torch.equal(seen["device"][:12], seen["device"][12:])


def test_values_drawn_in_a_worker_process_are_the_same(prepared):
    here = images_of(module(prepared, augment_on="device"))
    data = XrayDataModule(
        *prepared,
        augment=Augmentation(OPERATORS),
        batch_size=4,
        num_workers=1,
        augment_on="device",
    )
    assert torch.equal(images_of(data), here)


def test_a_balanced_sampler_draws_both_classes(prepared):
    manifest, cache = prepared
    rare = manifest.table.assign(label=[int(i in (0, 12, 16)) for i in range(20)])
    data = XrayDataModule(
        manifest.with_table(rare), cache, augment=None, batch_size=4, balance="sampler"
    )
    loader = data.train_dataloader()
    share = []
    for epoch in range(40):
        loader.sampler.set_epoch(epoch)
        share += [float(batch["label"].mean()) for batch in loader]
    # 480 draws with probability 0.5: a standard error of 0.023.
    assert abs(np.mean(share) - 0.5) < 0.08


def test_a_sampler_by_group_draws_each_group_of_a_class_alike(prepared):
    manifest, cache = prepared
    # Of the 12 training images the odd ones are abnormal, and only i0 and i1 come from B.
    table = manifest.table.assign(site=["B" if i < 2 else "A" for i in range(20)])
    data = XrayDataModule(
        manifest.with_table(table),
        cache,
        augment=None,
        batch_size=4,
        balance="sampler",
        balance_by=["site"],
    )
    loader = data.train_dataloader()
    seen = []
    for epoch in range(40):
        loader.sampler.set_epoch(epoch)
        seen += [name for batch in loader for name in batch["image_id"]]
    # 480 draws: a standard error of 0.02 around a quarter for each of the two images of B.
    for name in ("i0", "i1"):
        assert abs(np.mean(np.array(seen) == name) - 0.25) < 0.07


def test_a_sampler_by_an_absent_column_says_which_there_are(prepared):
    data = XrayDataModule(
        *prepared, augment=None, batch_size=4, balance="sampler", balance_by=["scanner"]
    )
    with pytest.raises(DataError, match=r"'scanner'.*do not have"):
        data.train_dataloader()


@pytest.mark.parametrize("augment", [None, Augmentation(OPERATORS), lambda images, _: images])
def test_training_batches_name_the_groups_asked_for_also_in_parts(prepared, augment):
    data = XrayDataModule(
        *prepared, augment=augment, batch_size=4, group_by=["patient_id", "label"]
    )
    loader = data.train_dataloader()
    names = prepared[0].split("train")["image_id"].tolist()
    for request in loader.sampler:
        batch = loader.dataset[request]
        # Each image is its own patient: groups stand in the order of their names, i10 before i2.
        expected = [sorted(names).index(name) for name in batch["image_id"]]
        assert batch["group"].tolist() == expected
        parts = [loader.dataset[replace(request, rank=rank, world=2)] for rank in (0, 1)]
        assert torch.cat([part["group"] for part in parts]).tolist() == expected
    assert "group" not in next(iter(data.val_dataloader()))


def test_training_pixels_and_samples_are_of_the_training_split_alone(prepared):
    manifest, cache = prepared
    expected = cache.take(cache.rows_of([f"i{i}" for i in range(12)]))
    assert np.array_equal(np.concatenate(list(training_pixels(manifest, cache))), expected)
    some = sample_images(manifest, cache, n=5)
    assert some.shape == (5, 1, 32, 32)
    assert np.array_equal(some[0, 0].numpy(), expected[0] / np.float32(255))


def test_workers_by_cores():
    assert [worker_count("auto", cores) for cores in (1, 4, 8, 64)] == [0, 0, 2, 8]
    assert worker_count(3, 1) == 3
