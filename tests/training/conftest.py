"""A small task on random images with a real signal, trained by a real Trainer."""

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from medcnn.data.dataset import BatchSampler
from medcnn.losses import Objective
from medcnn.models import build_classifier
from medcnn.models.transfer import Full
from medcnn.training.optimizers.schedules import Constant
from medcnn.training.tasks.classification import XrayClassification


class TinyBatches(torch.utils.data.Dataset):
    """96 images whose brightness tells the label."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.label = torch.tensor(rng.integers(0, 2, 96), dtype=torch.float32)
        noise = torch.tensor(rng.random((96, 1, 8, 8)), dtype=torch.float32)
        self.image = 0.7 * noise + 0.3 * self.label[:, None, None, None]

    def __len__(self):
        return len(self.label)

    def __getitem__(self, request):
        names = [str(row) for row in request.rows]
        return {
            "image": self.image[request.rows],
            "label": self.label[request.rows],
            "image_id": names,
            "patient_id": names,
        }


class TinyData(pl.LightningDataModule):
    """The same images for training and validation."""

    def train_dataloader(self):
        return self._loader(shuffle=True)

    def val_dataloader(self):
        return self._loader(shuffle=False)

    def _loader(self, *, shuffle):
        data = TinyBatches()
        return DataLoader(
            data, batch_size=None, sampler=BatchSampler(len(data), 16, shuffle=shuffle, seed=1)
        )


def make_task(optimizer=None, schedule=None, loss=None, lr=0.05, **options):
    torch.manual_seed(0)
    return XrayClassification(
        build_classifier("tiny_resnet", weights="none", widths=[4], blocks=1, image_size=16),
        loss=loss or Objective(),
        optimizer=optimizer or torch.optim.SGD,
        schedule=schedule or Constant(),
        transfer=Full(),
        lr=lr,
        weight_decay=0.0,
        pixel_mean=0.5,
        pixel_std=0.25,
        **options,
    )


def make_trainer(folder, *callbacks, epochs=2, **options):
    return pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=list(callbacks),
        enable_checkpointing=any(isinstance(each, pl.callbacks.Checkpoint) for each in callbacks),
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=folder,
        **options,
    )


@pytest.fixture
def tiny(tmp_path):
    """Return a function that trains a tiny task and returns it with its trainer."""

    def train(*callbacks, task=None, data=None, ckpt_path=None, **options):
        task = task or make_task()
        trainer = make_trainer(tmp_path, *callbacks, **options)
        trainer.fit(task, datamodule=data or TinyData(), ckpt_path=ckpt_path)
        return task, trainer

    train.make_task, train.data, train.batches = make_task, TinyData, TinyBatches
    return train
