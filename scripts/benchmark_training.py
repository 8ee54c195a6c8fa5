"""Images a second of medcnn's training, of a bare loop on the same batches, and of the ordinary recipe.

    python scripts/benchmark_training.py [train overrides ...]

    medcnn     train.py as it is: Lightning, cached images, batched augmentation, log, progress
    loop       the same batches, network, precision, optimiser and schedule in a bare loop
    ordinary   a DataLoader that decodes files, torchvision v2, 32 bit, default layout, default AdamW

All three run in one process without loader workers, in turn, several times; the figures are medians of
CPU time. The loss after the same steps from the same seed is printed for each.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from medcnn.config import compose
from medcnn.data.preparation import Prepared, prepare
from medcnn.fitting import build_datamodule, build_task, optimizer_options
from medcnn.journal import Journal
from medcnn.run_dir import RunDir
from medcnn.settings import check
from medcnn.trainer import build_trainer, choose_precision

REPEATS = 3
SIZES = {
    "224 px": ["model=resnet18", "data.image_size=224", "data.batch_size=32"],
    "28 px": ["model=tiny_resnet", "data.image_size=28", "data.batch_size=64"],
}
COMMON = [
    "data.source.n_images=500",
    "data.num_workers=0",
    "model.weights=none",
    "trainer.max_epochs=2",
    "callbacks.patience=100",
]
Measured = tuple[float, float]
"""CPU seconds of the second epoch without validation, and the mean training loss of both epochs."""


class Clock(pl.Callback):
    """Notes when the batches of the last epoch begin and end."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_epoch_start(self, *_: Any) -> None:
        """Begin."""
        self.marks.append(time.process_time())

    def on_validation_start(self, *_: Any) -> None:
        """End: validation begins."""
        self.marks.append(time.process_time())


def with_medcnn(settings: Mapping[str, Any], prepared: Prepared) -> Measured:
    """Train as train.py does."""
    with tempfile.TemporaryDirectory() as folder:
        run, clock = RunDir(Path(folder)), Clock()
        journal = Journal(run, seed=0)
        pl.seed_everything(0, verbose=False)
        data, task = build_datamodule(settings, prepared), build_task(settings, prepared, journal)
        trainer = build_trainer(settings, run, journal, clock)
        trainer.fit(task, datamodule=data)
        losses = pd.read_csv(run.metrics)["train_loss"]
    return clock.marks[-1] - clock.marks[-2], float(losses.mean())


def with_loop(settings: Mapping[str, Any], prepared: Prepared) -> Measured:
    """Train on the same batches in a bare loop."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(RunDir(Path(folder)), seed=0)
        pl.seed_everything(0, verbose=False)
        data, task = build_datamodule(settings, prepared), build_task(settings, prepared, journal)
    options, _ = optimizer_options(settings)
    groups = task.transfer.parameter_groups(task.network, task.lr, task.weight_decay)
    optimizer = instantiate(options, _partial_=True)(groups)
    dtype = torch.bfloat16 if "bf16" in choose_precision("auto") else torch.float32
    loader: Any = data.train_dataloader()
    network = task.network.to(memory_format=torch.channels_last).train()
    total, step, seconds, losses = 2 * len(loader), 0, 0.0, []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        started = time.process_time()
        for batch in loader:
            for group, base in zip(optimizer.param_groups, [task.lr] * len(groups), strict=True):
                group["lr"] = base * task.schedule.factor(step, total)
            with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
                logit = network(task.normalize(batch["image"]))
            loss = task.loss(logit.float(), batch["label"])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), settings["trainer"]["gradient_clip_val"])
            optimizer.step()
            step += 1
            losses.append(loss.detach())
        seconds = time.process_time() - started
    return seconds, float(torch.stack(losses).mean())


class Files(Dataset[tuple[Tensor, Tensor]]):
    """Files decoded one by one, as a tutorial has it."""

    def __init__(self, rows: pd.DataFrame, size: int, mean: float, std: float) -> None:
        self.rows = rows.reset_index(drop=True)
        self.transform = v2.Compose(
            [
                v2.ToImage(),
                v2.Resize((size, size), antialias=True),
                v2.RandomAffine(10, translate=(0.05, 0.05), scale=(0.9, 1.1), shear=3),
                v2.ColorJitter(brightness=0.15, contrast=0.2),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([mean], [std]),
            ]
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        row = self.rows.iloc[index]
        return self.transform(decoded(Path(row["path"]))), torch.tensor(float(row["label"]))


def decoded(path: Path) -> Any:
    """Return a grey image of 8 bits."""
    if path.suffix.lower() not in (".dcm", ""):
        return Image.open(path).convert("L")
    pixels = pydicom.dcmread(path).pixel_array.astype(np.float32)
    return Image.fromarray((255 * (pixels - pixels.min()) / np.ptp(pixels)).astype(np.uint8))


def ordinarily(settings: Mapping[str, Any], prepared: Prepared) -> Measured:
    """Train as tutorials do."""
    with tempfile.TemporaryDirectory() as folder:
        pl.seed_everything(0, verbose=False)
        task = build_task(settings, prepared, Journal(RunDir(Path(folder)), seed=0))
    rows = prepared.manifest.split("train")
    data = settings["data"]
    files = Files(rows, data["image_size"], float(task.pixel_mean), float(task.pixel_std))
    loader = DataLoader(files, data["batch_size"], shuffle=True, drop_last=True)
    network = task.network.to(memory_format=torch.contiguous_format).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=task.lr)
    seconds, losses = 0.0, []
    for _ in range(2):
        started = time.process_time()
        for image, label in loader:
            loss: Any = nn.functional.binary_cross_entropy_with_logits(network(image), label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        seconds = time.process_time() - started
    return seconds, float(np.mean(losses))


SIDES: dict[str, Callable[[Mapping[str, Any], Prepared], Measured]] = {
    "medcnn": with_medcnn,
    "loop": with_loop,
    "ordinary": ordinarily,
}


def main() -> None:
    """Measure all sides at both sizes and print the table."""
    table = Table(title=f"Medians of {REPEATS}, {torch.get_num_threads()} threads")
    for column in ("", "images a second", "of the loop", "of the ordinary", "mean loss"):
        table.add_column(column, justify="right")
    for size, overrides in SIZES.items():
        settings = check(compose("train", [*COMMON, *overrides, *sys.argv[1:]]))
        prepared = prepare(settings["data"], seed=0)
        batch = settings["data"]["batch_size"]
        images = len(prepared.manifest.split("train")) // batch * batch
        found: dict[str, list[Measured]] = {name: [] for name in SIDES}
        for _ in range(REPEATS):
            for name, side in SIDES.items():
                found[name].append(side(settings, prepared))
        rate = {
            name: images / statistics.median(s for s, _ in rows) for name, rows in found.items()
        }
        for name, rows in found.items():
            table.add_row(
                f"{size} {name}",
                f"{rate[name]:.1f}",
                f"{rate[name] / rate['loop']:.2f}",
                f"{rate[name] / rate['ordinary']:.2f}",
                f"{statistics.median(loss for _, loss in rows):.4f}",
            )
    Console().print(table)


if __name__ == "__main__":
    main()
