"""What an export is worth where it arrives: onnxruntime and OpenVINO against torch, and its reading.

python scripts/benchmark_export.py EXPORT [FOLDER_OF_DICOM]

One thread, batch 1, processor time, in pairs (torch, onnxruntime, OpenVINO, torch, …), since a machine
is never idle. With a folder of DICOM files it also counts the decisions that change where the graph is
fed by ``pixel_array`` scaled by its own minimum and maximum, as integrators do, not by the contract.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pydicom
import torch

from medcnn.errors import ImageError
from medcnn.exporting.onnx_file import Session
from medcnn.inference.loading import load_members
from medcnn.io import read_image_resized
from medcnn.run.directory import RunDir

Images = npt.NDArray[np.uint8]
Engine = Callable[[Images], Any]


def eager(folder: Path) -> Engine:
    """Return the networks themselves, as ``medcnn predict exact=true`` passes an image."""
    members = load_members(RunDir.open(folder))

    def answer(pixels: Images) -> Any:
        with torch.inference_mode():
            image = torch.from_numpy(pixels.astype(np.float32) * np.float32(1 / 255))
            return [member(image) for member in members]

    return answer


def openvino(path: Path) -> Engine | None:
    """Return the same file read by OpenVINO, None where it is not installed."""
    try:
        import openvino as ov
    except ImportError:
        return None
    core = ov.Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    model = core.compile_model(core.read_model(str(path)), "CPU", settings)
    return lambda pixels: model([pixels])


def ratios(engines: dict[str, Engine], side: int, rounds: int, images: int) -> None:
    """Print the time of each engine and how many times as fast as torch it is."""
    pixels = np.random.default_rng(0).integers(0, 256, (1, 1, side, side), dtype=np.uint8)
    times: dict[str, list[float]] = {name: [] for name in engines}
    for engine in engines.values():
        engine(pixels)
    for _ in range(rounds):
        for name, engine in engines.items():
            start = time.process_time()
            for _ in range(images):
                engine(pixels)
            times[name].append((time.process_time() - start) / images)
    first = times[next(iter(times))]
    for name, found in times.items():
        each = [one / other for one, other in zip(first, found, strict=True)]
        print(
            f"{name:12} {1000 * statistics.median(found):8.2f} ms an image   "
            f"{statistics.median(each):.2f} times torch ({min(each):.2f} to {max(each):.2f})"
        )


def fed_otherwise(folder: Path, files: Path) -> None:
    """Print how many decisions change where an integrator reads the pixels his own way."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    side, threshold = config["network"]["image_size"], config["threshold"]["value"]
    session, changed, apart = Session(folder / "model.onnx", 1), 0, []
    for path in sorted(files.rglob("*.dcm")):
        try:
            right, _ = read_image_resized(path, side, exact=True)
            raw = pydicom.dcmread(path).pixel_array.astype(np.float32)
        except (ImageError, ValueError, AttributeError, RuntimeError):
            continue
        if raw.ndim != 2:
            continue
        unit = (raw - raw.min()) / max(float(np.ptp(raw)), 1.0)
        small = cv2.resize(unit, (side, side), interpolation=cv2.INTER_AREA)
        naive = np.rint(small * 255).astype(np.uint8)
        p = session(np.stack([right, naive])[:, None])["p_abnormal"]
        apart.append(abs(float(p[0] - p[1])))
        changed += int((p[0] >= threshold) != (p[1] >= threshold))
    print(
        f"fed by pixel_array with min-max: {changed} of {len(apart)} decisions changed, probabilities "
        f"by up to {max(apart, default=0):.2f} (median {statistics.median(apart or [0]):.2f})"
    )


def main() -> int:
    """Measure what the arguments name."""
    parser = argparse.ArgumentParser(description="Measure an export.")
    parser.add_argument("export", type=Path, help="the folder")
    parser.add_argument("files", type=Path, nargs="?", help="a folder of DICOM files")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--images", type=int, default=10, help="in each round")
    given = parser.parse_args()
    torch.set_num_threads(1)
    engines: dict[str, Engine] = {
        "torch": eager(given.export),
        "onnxruntime": Session(given.export / "model.onnx", 1),
    }
    other = openvino(given.export / "model.onnx")
    if other is not None:
        engines["OpenVINO"] = other
    side = json.loads((given.export / "config.json").read_text(encoding="utf-8"))["network"]
    ratios(engines, int(side["image_size"]), given.rounds, given.images)
    if given.files:
        fed_otherwise(given.export, given.files)
    return 0


if __name__ == "__main__":
    sys.exit(main())
