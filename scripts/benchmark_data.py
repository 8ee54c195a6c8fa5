"""Reading DICOM beside its rivals, loading beside the usual DataLoader, and costs at 10^4 to 10^6 rows.

    python scripts/benchmark_data.py [decoding] [loader] [rows]
        [--images 512] [--rounds 5] [--most 1000000]

decoding files of 2048 pixels to 224 beside pydicom, MONAI and TorchXRayVision (the extra
         ``benchmark``), and what decoding at reduced resolution saves: benchmark_decoding.py.
loader   batches of 224 pixels with augment=cxr, in one process and one thread, in turn and several
         times; the figures are medians of CPU time. ``usual, files`` opens PNG files of the same size
         with Pillow and runs torchvision v2 on each; ``usual, memory`` spares it the opening.
rows     manifest, read from CSV and Parquet and made of a table, split, index of the cache, candidates
         of the audit and evaluation in a fresh process each, medians of --rounds of them, with its
         peak memory; the last column says what ten times as many rows cost.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from benchmark_decoding import compare_decoding
from loky import ProcessPoolExecutor
from rich.console import Console
from rich.table import Table

PARTS = ("decoding", "loader", "rows")
SIZE, BATCH = 224, 32
STEPS = (
    *("CSV", "Parquet", "manifest", "split", "index", "lookup", "take", "candidates"),
    "evaluation",
)


def main() -> None:
    """Run the parts that the command line names, all of them by default."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=(*PARTS, []))
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most", type=int, default=10**6)
    options = parser.parse_args()
    parts = options.parts or PARTS
    if "decoding" in parts:
        compare_decoding(options.rounds)
    if "loader" in parts:
        compare_loaders(options.images, options.rounds)
    if "rows" in parts:
        show_rows([n for n in (10**4, 10**5, 10**6) if n <= options.most], options.rounds)


def compare_loaders(images: int, rounds: int) -> None:
    """Print images a second of each way to make batches, and medcnn's ratio to it."""
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        ways = loaders(Path(folder), images)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, batches in ways.items():
                start = time.process_time()
                count = sum(len(batch) for batch in batches())
                seconds[name].append((time.process_time() - start) / count)
    table = Table("way", "images/s", "medcnn is faster", title=f"{SIZE} px, one thread")
    ours = statistics.median(seconds["medcnn"])
    for name, taken in seconds.items():
        each = statistics.median(taken)
        table.add_row(name, f"{1 / each:.0f}", f"{each / ours:.1f} times")
    Console().print(table)


def loaders(folder: Path, images: int) -> dict[str, Callable[[], Iterator[Any]]]:
    """Return the ways to go once through the same images, each yielding tensors of a batch."""
    from medcnn.data.cache.cache import build_cache
    from medcnn.data.datamodule import XrayDataModule
    from medcnn.data.manifest import build_manifest
    from medcnn.settings.composition import compose

    rng = np.random.default_rng(0)
    names = [f"i{row}" for row in range(images)]
    for name in names:
        coarse = rng.normal(128, 50, (14, 14)).astype(np.float32)
        smooth = cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        noisy = smooth + rng.normal(0, 6, smooth.shape)
        cv2.imwrite(str(folder / f"{name}.png"), np.clip(noisy, 0, 255).astype(np.uint8))
    paths = [str(folder / f"{name}.png") for name in names]
    table = pd.DataFrame({"image_id": names, "path": paths, "label": np.arange(images) % 2})
    manifest = build_manifest(table.assign(split="train"), source="benchmark")
    cache = build_cache(manifest.table, size=SIZE, root=folder / "cache", workers=0, progress=False)
    from hydra.utils import instantiate

    module = XrayDataModule(
        manifest,
        cache,
        augment=instantiate(compose("train", []).augment),
        batch_size=BATCH,
        num_workers=0,
        augment_on="loader",
    )
    ours = module.loader("train", train=True)
    pixels = cache.take(np.arange(images))
    return {
        "medcnn": lambda: (batch["image"] for batch in ours),
        "usual, memory": lambda: iter(usual(lambda row: pixels[row][..., None], images)),
        "usual, files": lambda: iter(usual(lambda row: opened(paths[row]), images)),
    }


def opened(path: str) -> npt.NDArray[np.uint8]:
    """Return an image as the ordinary data set opens it."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("L"))[..., None]


def usual(read: Callable[[int], npt.NDArray[np.uint8]], images: int) -> Any:
    """Return the DataLoader of a data set that runs torchvision v2 on each image."""
    import torch
    from torch.utils.data import DataLoader, Dataset
    from torchvision.transforms import v2

    # What augment=cxr draws, in torchvision's words.
    transform = v2.Compose(
        [
            v2.ToImage(),
            v2.RandomAffine(10, translate=(0.05, 0.05), scale=(0.9, 1.1), shear=3, interpolation=2),
            v2.RandomApply([v2.ColorJitter(brightness=0.15)], p=0.5),
            v2.RandomApply([v2.ColorJitter(contrast=0.2)], p=0.5),
            v2.ToDtype(torch.float32, scale=True),
            v2.RandomApply([v2.GaussianNoise(sigma=0.01)], p=0.3),
            v2.RandomApply([v2.GaussianBlur(5, (0.3, 0.8))], p=0.2),
        ]
    )

    class Ordinary(Dataset[Any]):
        def __len__(self) -> int:
            return images

        def __getitem__(self, row: int) -> Any:
            return transform(read(row))

    return DataLoader(Ordinary(), batch_size=BATCH, shuffle=True)


def show_rows(sizes: list[int], rounds: int) -> None:
    """Print seconds and peak memory at each number of rows, and the growth from step to step."""
    found = {}
    for n in sizes:
        seen = []
        for _ in range(rounds):
            with ProcessPoolExecutor(1) as fresh:
                seen.append(fresh.submit(costs, n).result())
        found[n] = {step: statistics.median(each[step] for each in seen) for step in seen[0]}
    table = Table("step", *(f"{n:,} rows" for n in sizes), "tenfold costs")
    for step in (*STEPS, "peak MiB"):
        values = [found[n][step] for n in sizes]
        growth = f"{values[-1] / max(values[-2], 1e-9):.1f} times" if len(values) > 1 else ""
        table.add_row(step, *(f"{value:.2f}" for value in values), growth)
    Console().print(table)


def costs(n: int) -> dict[str, float]:
    """Return CPU seconds of what grows with the number of rows, and the peak memory in MiB."""
    from medcnn.data.audit.hashing import WINDOWS, find_candidates
    from medcnn.data.cache.images import ImageCache
    from medcnn.data.cache.key import make_profile
    from medcnn.data.cache.store import find, load_index
    from medcnn.data.manifest import build_manifest
    from medcnn.data.sources.manifest_csv import read
    from medcnn.data.splits.splits import assign_splits
    from medcnn.evaluation.results import evaluate
    from medcnn.metrics.thresholds import Threshold

    rng = np.random.default_rng(0)
    clock = _Clock()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = _segments(folder, n, rng)
        rows = np.arange(n)
        table = pd.DataFrame({"image_id": rows.astype(str), "path": "x.png", "label": rows % 2})
        table["patient_id"] = (rows // 3).astype(str)
        (folder / "x.png").touch()
        table.to_csv(folder / "m.csv", index=False)
        table.to_parquet(folder / "m.parquet", index=False)
        for kind in ("CSV", "Parquet"):
            clock.lap()
            read(folder / f"m.{kind.lower()}")
            clock.lap(kind)
        manifest = build_manifest(table, source="benchmark")
        clock.lap("manifest")
        manifest = assign_splits(manifest)
        clock.lap("split")
        profile = make_profile(size=1, dtype="uint8", exact=False)
        index = load_index(folder, (1, 1), "uint8")
        clock.lap("index")
        where = find(index.keys, keys)
        cache = ImageCache(folder, profile, index, where, table["image_id"].to_numpy())
        cache.rows_of(manifest.split("train")["image_id"].tolist())
        clock.lap("lookup")
        cache.take(rng.integers(0, n, 10_000))
        clock.lap("take")
    # Random words hit one another no more than different radiographs do.
    find_candidates(rng.integers(0, 2**63, (len(WINDOWS), n), dtype=np.uint64))
    clock.lap("candidates")
    p = 1 / (1 + np.exp(-rng.normal(2 * table["label"] - 1, 1)))
    clock.lap()
    evaluate(table.assign(p_abnormal=p, split="test"), Threshold(0.5, "fixed", "val"))
    clock.lap("evaluation")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return clock.laps | {"peak MiB": peak}


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.process_time()

    def lap(self, name: str | None = None) -> None:
        now = time.process_time()
        if name:
            self.laps[name] = now - self._last
        self._last = time.process_time()


def _segments(folder: Path, n: int, rng: np.random.Generator) -> Any:
    from medcnn.data.cache.key import as_keys
    from medcnn.data.cache.store import write_segment

    keys = as_keys(rng.bytes(16 * n))
    for start in range(0, n, 2048):
        part = keys[start : start + 2048]
        write_segment(
            folder,
            pixels=np.zeros((len(part), 1, 1), np.uint8),
            keys=part,
            facts=[{}] * len(part),
            files=part,
            targets=part,
        )
    return keys


if __name__ == "__main__":
    main()
