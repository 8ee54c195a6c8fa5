"""Measure prediction: quick against exact networks, and memory against the number of files.

    python scripts/benchmark_prediction.py networks                 # both at 224 pixels, interleaved
    python scripts/benchmark_prediction.py memory RUN_DIR 1000 10000    # small generated files

Times are medians of repeats in which both sides take turns, so that what else runs on the machine
falls on both. Memory is the largest resident set of a process of its own for each number of files.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

REPEATS = 7
BATCH, SIDE = 16, 224


def networks() -> None:
    """Print the time of a batch by the exact and by the quick network, and their ratio."""
    import torch

    from medcnn.data.settings import Data
    from medcnn.inference.acceleration import fast_dtype, fast_model
    from medcnn.inference.loading import TrainedModel
    from medcnn.inference.settings import RunSettings
    from medcnn.models.classifier import build_classifier

    image = torch.rand(BATCH, 1, SIDE, SIDE)
    for name in ("resnet18", "densenet121"):
        model = TrainedModel(
            build_classifier(name, weights="none"),
            pixel_mean=0.5,
            pixel_std=0.25,
            settings=RunSettings(data=Data(image_size=SIDE)),
            sha256="",
        )
        dtype = fast_dtype(torch.device("cpu"))
        quick = fast_model(model, dtype)
        with torch.inference_mode():
            exact_s, quick_s = _medians(partial(model, image), partial(quick, image))
        print(
            f"{name}: exact {1000 * exact_s / BATCH:.1f} ms an image, {dtype} "
            f"{1000 * quick_s / BATCH:.1f} ms, {exact_s / quick_s:.2f} times as fast "
            f"({torch.get_num_threads()} threads)"
        )


def memory(run: str, counts: list[int]) -> None:
    """Print time and largest resident set of ``medcnn predict`` for each number of files."""
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            images = Path(folder) / f"images{count}"
            _write(images, count)
            code = (
                "import sys; from medcnn.cli import run; import resource, json; "
                "run('predict', sys.argv[1:]); "
                "print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
            )
            output = Path(folder) / f"{count}.csv"
            given = [f"run={run}", f"input={images}", f"output={output}"]
            start = time.perf_counter()
            done = subprocess.run(  # noqa: S603  this file's own arguments
                [sys.executable, "-c", code, *given], check=True, capture_output=True, text=True
            )
            seconds = time.perf_counter() - start
            largest = json.loads(done.stdout.splitlines()[-1]) / 1024
            print(f"{count} files: {seconds:.0f} s, largest resident set {largest:.0f} MiB")
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest process of all, workers included: {children:.0f} MiB")


def _medians(*sides: Callable[[], object]) -> list[float]:
    for side in sides:
        side()
    times: list[list[float]] = [[] for _ in sides]
    for _ in range(REPEATS):
        for found, side in zip(times, sides, strict=True):
            start = time.process_time()
            side()
            found.append(time.process_time() - start)
    return [statistics.median(found) for found in times]


def _write(folder: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    for number in range(count):
        inside = folder / f"{number // 500:03}"
        inside.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (48, 48), dtype=np.uint8)
        cv2.imwrite(str(inside / f"{number:06}.png"), cv2.GaussianBlur(pixels, (9, 9), 3))


if __name__ == "__main__":
    if sys.argv[1:2] == ["networks"]:
        networks()
    elif sys.argv[1:2] == ["memory"] and len(sys.argv) > 3:
        memory(sys.argv[2], [int(count) for count in sys.argv[3:]])
    else:
        sys.exit(__doc__)
