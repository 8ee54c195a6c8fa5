"""What several processes cost and gain: one model on two devices, one prediction in four parts.

    python scripts/benchmark_scale.py [--pairs 3] [--model resnet18] [--size 64]

Each is a real command in a process of its own, measured with its rival in turn (A, B, A, B, …), by the
CPU seconds of all its processes, which other work on the machine hardly changes. With W processes the
gain in time is at most W times the ratio of the CPU seconds, on a machine with a core for each.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

PARTS = 4


def cpu_seconds(*arguments: str) -> float:
    """Return the CPU seconds of a command with all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "medcnn.cli", *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def training(folder: Path, model: str, size: int, images: int) -> Callable[[int], float]:
    """Return what measures an epoch over so many images on so many devices."""

    def measure(devices: int) -> float:
        run = folder / "run"
        shutil.rmtree(run, ignore_errors=True)
        return cpu_seconds(
            *("train", "experiment=xray_resnet", f"model={model}", "model.weights=none"),
            *(f"data.source.n_images={images}", "data.source.size=128", f"data.image_size={size}"),
            *("data.batch_size=32", "data.audit=off", "trainer.accelerator=cpu"),
            *("trainer.precision=32-true", "trainer.max_epochs=1"),
            *(f"trainer.devices={devices}", f"run_dir={run}", "out_of_distribution=null"),
        )

    return measure


def prediction(folder: Path, run: Path, images: Path) -> Callable[[int], float]:
    """Return what measures a prediction in so many parts, the join included."""

    def measure(parts: int) -> float:
        output = folder / "predictions.csv"
        for left in folder.glob("predictions.csv*"):
            left.unlink()
        asked = ("predict", f"run={run}", f"input={images}", f"output={output}", "num_workers=0")
        shares = [f"part={number}/{parts}" for number in range(1, parts + 1)] if parts > 1 else []
        return sum(cpu_seconds(*asked, share) for share in shares) + cpu_seconds(*asked)

    return measure


def compared(name: str, measure: Callable[[int], float], many: int, pairs: int) -> None:
    """Print the CPU seconds of one and of many processes, and the ratio of each pair."""
    found = [(measure(1), measure(many)) for _ in range(pairs)]
    one, several = (statistics.median(each) for each in zip(*found, strict=True))
    ratios = ", ".join(f"{a / b:.2f}" for a, b in found)
    print(f"{name}: 1: {one:.1f} s, {many}: {several:.1f} s of CPU; one/many {ratios}", flush=True)


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--train-images", type=int, default=2000)
    parser.add_argument("--images", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["MEDCNN_CACHE"] = str(folder / "cache")
        train = training(folder, given.model, given.size, given.train_images)
        train(1)  # the cache of the images is there for all that follow
        compared(f"{given.model} {given.size} px", train, 2, given.pairs)
        make = [sys.executable, str(Path(__file__).with_name("make_phantom.py")), str(folder / "f")]
        subprocess.run([*make, "--images", str(given.images)], check=True)  # noqa: S603
        predict = prediction(folder, folder / "run", folder / "f")
        compared(f"{given.images} images in parts", predict, PARTS, given.pairs)


if __name__ == "__main__":
    main()
