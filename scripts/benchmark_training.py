"""Images a second of medcnn's training, of a bare loop on the same batches, and of the ordinary recipe.

    python scripts/benchmark_training.py [train overrides ...]

    medcnn     train.py as it is: Lightning, cached images, batched augmentation, log, progress bar
    loop       the same batches, network, precision, optimiser and schedule in a bare loop
    ordinary   a DataLoader that decodes files, torchvision v2, 32 bit, default layout, default AdamW

All three run in one process without loader workers, in turn, once for each seed; the rates are medians
of the CPU time of the last epoch. All take the same number of steps on the same schedule from the
same weights, and are judged by the mean training loss of that epoch.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytorch_lightning as pl
import rich
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from scipy.stats import t, ttest_rel
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from medcnn.data.preparation import Prepared, prepare
from medcnn.run.directory import RunDir
from medcnn.run.journal import Journal
from medcnn.settings.composition import compose
from medcnn.training import devices, trainer
from medcnn.training.fitting import build_datamodule, build_task, chosen_optimizer
from medcnn.training.settings import Settings, check
from medcnn.training.tasks.classification import XrayClassification

SEEDS = 4
EPOCHS = 3
SIZES = {
    "224 px": ["model=resnet18", "data.image_size=224", "data.batch_size=32"],
    "28 px": ["model=tiny_resnet", "data.image_size=28", "data.batch_size=64"],
}
TARGETS = {"224 px": (0.95, 2.2), "28 px": (0.85, None)}
"""At each size, the least share of the bare loop, and the least multiple of the ordinary recipe."""
COMMON = [
    "data.source.n_images=300",
    "data.num_workers=0",
    "model.weights=none",
    f"trainer.max_epochs={EPOCHS}",
    "callbacks.patience=100",
]
Measured = tuple[float, float]
"""CPU seconds of the last epoch without validation, and its mean training loss."""


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


def with_medcnn(settings: Settings, prepared: Prepared) -> Measured:
    """Train as train.py does, with the progress bar of a terminal."""
    with tempfile.TemporaryDirectory() as folder:
        run, clock = RunDir(Path(folder)), Clock()
        journal = Journal(run, seed=settings.seed)
        pl.seed_everything(settings.seed, verbose=False)
        data, task = build_datamodule(settings, prepared), build_task(settings, prepared, journal)
        trainer.build_trainer(settings, run, journal, clock).fit(task, datamodule=data)
        losses = pd.read_csv(run.metrics)["train_loss"]
    return clock.marks[-1] - clock.marks[-2], float(losses.iloc[-1])


def start(settings: Settings, prepared: Prepared) -> XrayClassification:
    """Return the task with the weights that every side of a seed starts from."""
    pl.seed_everything(settings.seed, verbose=False)
    with tempfile.TemporaryDirectory() as folder:
        return build_task(settings, prepared, Journal(RunDir(Path(folder)), seed=settings.seed))


def with_loop(settings: Settings, prepared: Prepared) -> Measured:
    """Train on the same batches in a bare loop."""
    data, task = build_datamodule(settings, prepared), start(settings, prepared)
    groups = task.transfer.parameter_groups(task.network, task.lr, task.weight_decay)
    optimizer = chosen_optimizer(settings).build(_partial_=True)(groups)
    dtype = torch.bfloat16 if "bf16" in devices.choose_precision("auto") else torch.float32
    loader: Any = data.train_dataloader()
    network = task.network.train()
    total, step, seconds = EPOCHS * len(loader), 0, 0.0
    losses: list[Tensor] = []
    for epoch in range(EPOCHS):
        loader.sampler.set_epoch(epoch)
        losses, started = [], time.process_time()
        for batch in loader:
            set_rate(optimizer, task.lr * task.schedule.factor(step, total))
            with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
                logit = network(task.normalize(batch["image"]))
            loss = task.loss(logit.float(), batch["label"])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(
                network.parameters(), settings.trainer.gradient_clip_val or 0.0
            )
            optimizer.step()
            step += 1
            losses.append(loss.detach())
        seconds = time.process_time() - started
    return seconds, float(torch.stack(losses).mean())


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give all parameters one learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


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


def ordinarily(settings: Settings, prepared: Prepared) -> Measured:
    """Train as tutorials do."""
    task, data = start(settings, prepared), settings.data
    files = Files(
        prepared.manifest.split("train"),
        data.image_size,
        float(task.pixel_mean),
        float(task.pixel_std),
    )
    loader = DataLoader(files, data.batch_size, shuffle=True, drop_last=True)
    network = task.network.to(memory_format=torch.contiguous_format).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=task.lr)
    total, step, seconds = EPOCHS * len(loader), 0, 0.0
    losses: list[float] = []
    for _ in range(EPOCHS):
        losses, started = [], time.process_time()
        for image, label in loader:
            set_rate(optimizer, task.lr * task.schedule.factor(step, total))
            loss: Any = nn.functional.binary_cross_entropy_with_logits(network(image), label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            step += 1
        seconds = time.process_time() - started
    return seconds, float(np.mean(losses))


SIDES: dict[str, Callable[[Settings, Prepared], Measured]] = {
    "medcnn": with_medcnn,
    "loop": with_loop,
    "ordinary": ordinarily,
}


def measure(settings: Settings, prepared: Prepared) -> dict[str, list[Measured]]:
    """Return what each side gave with each seed, measured in turn."""
    found: dict[str, list[Measured]] = {name: [] for name in SIDES}
    for seed in range(SEEDS):
        for name, side in SIDES.items():
            found[name].append(side(replace(settings, seed=seed), prepared))
    return found


def apart(ours: Sequence[Measured], theirs: Sequence[Measured]) -> str:
    """Return the mean difference of the losses with its 95 % interval over seeds, and its p-value."""
    differences = np.subtract([loss for _, loss in ours], [loss for _, loss in theirs])
    mean, error = differences.mean(), differences.std(ddof=1) / np.sqrt(len(differences))
    if error == 0:
        return f"{mean:+.4f}, with every seed"
    reach = float(t.ppf(0.975, len(differences) - 1) * error)
    p = ttest_rel([loss for _, loss in ours], [loss for _, loss in theirs]).pvalue
    return f"{mean:+.4f} ± {reach:.4f} (p = {p:.2f})"


def main() -> None:
    """Measure all sides at both sizes and print the table."""
    trainer.quieten()
    rich.reconfigure(stderr=True, force_terminal=True)
    setattr(trainer, "CONSOLE", rich.get_console())  # noqa: B010  on a terminal, there is a bar
    title = f"Medians over {SEEDS} seeds, CPU time, {torch.get_num_threads()} threads"
    table = Table(title=title)
    for column in (
        "",
        "images/s",
        "of the loop",
        "of the ordinary",
        "loss",
        "medcnn's beside it",
    ):
        table.add_column(column, justify="right")
    verdicts = []
    for size, overrides in SIZES.items():
        settings = check(compose("train", [*COMMON, *overrides, *sys.argv[1:]]))
        prepared = prepare(settings.data)
        batch = settings.data.batch_size
        images = len(prepared.manifest.split("train")) // batch * batch
        found = measure(settings, prepared)
        rate = {
            name: images / statistics.median(s for s, _ in rows) for name, rows in found.items()
        }
        for name, rows in found.items():
            table.add_row(
                f"{size} {name}",
                f"{rate[name]:.1f}",
                f"{rate[name] / rate['loop']:.2f}",
                f"{rate[name] / rate['ordinary']:.2f}",
                f"{np.mean([loss for _, loss in rows]):.4f}",
                "" if name == "medcnn" else apart(found["medcnn"], rows),
            )
        for other, target in zip(("loop", "ordinary"), TARGETS[size], strict=True):
            reached = rate["medcnn"] / rate[other]
            if target is not None:
                word = "reached" if reached >= target else "missed"
                verdicts.append(f"{size}: {reached:.2f} of the {other}, {target} {word}")
    out = Console(width=110)
    out.print(table)
    for verdict in verdicts:
        out.print(verdict)


if __name__ == "__main__":
    main()
