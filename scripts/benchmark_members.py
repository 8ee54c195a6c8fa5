"""Measure what side by side buys: members, folds, two runs at once, and one thread against all.

    python scripts/benchmark_members.py members     # 4 members: before, one after another, side by side
    python scripts/benchmark_members.py folds       # 5 folds, likewise
    python scripts/benchmark_members.py pair        # the speed of two runs at once, beside one alone
    python scripts/benchmark_members.py threads     # seconds of a step with one thread and with all

The first three run whole commands on phantoms of 28 pixels and compare their times by the clock, so
that they mean something on a machine that does nothing else; ways take turns, for what changes slowly.
``before`` is what there was without a rule for threads and without processes: one after another, with
a thread on each core. Further arguments are overrides, such as trainer.max_epochs=2.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

REPEATS = 2
SMALL = [
    "data.source.n_images=1200",
    "data.image_size=28",
    "data.batch_size=64",
    "data.audit=off",
    "augment=light",
    "model=tiny_resnet",
    "trainer.max_epochs=10",
    "callbacks.patience=100",
    "out_of_distribution=null",
]
CORES = os.cpu_count() or 1
WAYS = {
    "before": ["parallel=1", f"trainer.threads={CORES}"],
    "one after another": ["parallel=1", "trainer.threads=1"],
    "side by side": [f"parallel={CORES}", "trainer.threads=1"],
}
NETWORKS = [
    ("tiny_resnet", 28, 64),
    ("tiny_resnet", 128, 32),
    ("mobilenet_v2", 128, 32),
    ("xray_cnn", 128, 32),
    ("resnet18", 128, 32),
    ("resnet18", 224, 32),
]


def command(folder: Path, overrides: Sequence[str]) -> subprocess.Popen[bytes]:
    """Begin a training in a folder of its own."""
    words = [sys.executable, "-m", "medcnn.cli", "train", *SMALL, *overrides]
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    return subprocess.Popen(  # noqa: S603  fixed arguments
        [*words, f"run_dir={folder}"], stdout=subprocess.DEVNULL, env=environment
    )


def seconds_of(folder: Path, overrides: Sequence[str]) -> float:
    """Return the seconds of one command by the clock, data that lie in the cache already aside."""
    started = time.perf_counter()
    if command(folder, overrides).wait():
        raise SystemExit(f"train {' '.join(overrides)} failed")
    return time.perf_counter() - started


def compare(asked: Sequence[str], more: Sequence[str]) -> None:
    """Print the seconds of each way, and how many times as fast the last is."""
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        seconds_of(Path(folder) / "warm", ["trainer.fast_dev_run=true", *more])  # fills the cache
        for turn in range(REPEATS):
            for number, (name, way) in enumerate(WAYS.items()):
                place = Path(folder) / f"{turn}_{number}"
                found[name].append(seconds_of(place, [*asked, *way, *more]))
    medians = {name: statistics.median(values) for name, values in found.items()}
    for name, value in medians.items():
        print(
            f"{name:18} {value:7.1f} s   {medians[name] / medians['side by side']:.2f} times as long"
        )


def pair(more: Sequence[str]) -> None:
    """Print how much of its speed alone each of two runs keeps, before and with a thread each."""
    for name, threads in (("before", CORES), ("one thread", 1)):
        given = [f"trainer.threads={threads}", *more]
        with tempfile.TemporaryDirectory() as folder:
            places = [Path(folder) / str(number) for number in range(3)]
            seconds_of(places[0], given)
            both = [command(place, given) for place in places[1:]]
            for each in both:
                each.wait()
            alone, *beside = (_seconds_an_epoch(place) for place in places)
        kept = ", ".join(f"{alone / each:.2f}" for each in beside)
        print(f"{name:18} alone {alone:.2f} s an epoch; two at once each keep {kept} of the speed")


def _seconds_an_epoch(folder: Path) -> float:
    return float(pd.read_csv(folder / "metrics.csv")["seconds"].median())


def threads() -> None:
    """Print the least seconds of a step with one thread and with all, by its work."""
    import torch

    from medcnn.models.classifier import rebuild
    from medcnn.settings.composition import compose
    from medcnn.training.devices import choose_precision
    from medcnn.training.settings import check
    from medcnn.training.threads import work_of

    low = choose_precision("auto", "cpu") == "bf16-mixed"
    for name, size, batch in NETWORKS:
        overrides = [f"model={name}", "model.weights=none", f"data.image_size={size}"]
        settings = check(compose("train", [*overrides, f"data.batch_size={batch}"]))
        network = rebuild(settings.model).train().to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(network.parameters())
        image, label = torch.rand(batch, 1, size, size), torch.arange(batch) % 2

        def step(
            network: torch.nn.Module = network,
            optimizer: torch.optim.Optimizer = optimizer,
            image: torch.Tensor = image,
            label: torch.Tensor = label,
        ) -> None:
            with torch.autocast("cpu", torch.bfloat16, enabled=low):
                logit = network(image).float()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, label.float())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        one, many = _turns(step, (1, CORES))
        work = work_of(settings) / 1e9
        print(
            f"{name:14} {size:4} px, batch {batch:3}: {work:7.1f} billion multiply-adds, "
            f"{1000 * one:7.1f} ms with 1, {1000 * many:7.1f} ms with {CORES}: {one / many:.2f}"
        )


def _turns(step: Callable[[], None], counts: Sequence[int], seconds: float = 10.0) -> list[float]:
    import torch

    least = {count: float("inf") for count in counts}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for count in counts:
            torch.set_num_threads(count)
            step()
            started = time.perf_counter()
            step()
            least[count] = min(least[count], time.perf_counter() - started)
    return list(least.values())


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    what, *rest = sys.argv[1:] or ["members"]
    if what == "members":
        compare(["ensemble.members=4"], rest)
    elif what == "folds":
        compare(["data.folds=5", "data.fold=all"], rest)
    elif what == "pair":
        pair(rest)
    else:
        threads()
