"""The part ``decoding`` of benchmark_data.py: from a DICOM file of 2048×2048 to 224 pixels.

Every way to read works in a process of its own, as it would in practice: side by side in one process,
what one frees decides what memory costs the other. The processes take turns, one thread each; figures
are medians over the rounds of CPU time, that of decoders in child processes included.
"""

from __future__ import annotations

import importlib
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import numpy.typing as npt
import pydicom
from loky import ProcessPoolExecutor
from PIL import Image
from pydicom import uid
from pydicom.pixels.encoders.base import get_encoder
from rich.console import Console
from rich.table import Table

from medcnn.io import read_image_resized
from medcnn.io.conformance.example import encode, image_dataset

SIZE, SIDE = 224, 2048
LEAST_SECONDS = 0.05
"""A round repeats what is shorter: clocks of CPU time may tick in hundredths of a second."""

Reader = Callable[[Path], Any]
Way = Callable[[], Reader]
"""Imports what a reader needs and returns the reader; called once, in the reader's process."""


def compare_decoding(rounds: int) -> None:
    """Print the time of each way to read each file, and what reduced decoding saves."""
    with tempfile.TemporaryDirectory() as folder:
        paths = files(Path(folder))
        Console().print(_rivals(paths, rounds))
        Console().print(_savings(paths, rounds))


def _rivals(paths: Mapping[str, Path], rounds: int) -> Table:
    table = Table("file", "way", "ms", "images/s", "medcnn is faster")
    table.title = f"DICOM of {SIDE} pixels to {SIZE}, one thread"
    ways: dict[str, Way] = {"medcnn": medcnn, "medcnn exact": partial(medcnn, exact=True)}
    with Race(ways | {"pydicom bare": bare} | peers()) as race:
        for name, path in paths.items():
            found = race.run(path, rounds)
            for way, taken in found.items():
                table.add_row(
                    *(name if way == "medcnn" else "", way, f"{1000 * taken:.1f}"),
                    *(f"{1 / taken:.1f}", f"{taken / found['medcnn']:.2f} times"),
                )
    return table


def _savings(paths: Mapping[str, Path], rounds: int) -> Table:
    table = Table("file", "decoded", "ms", "faster", title="Part of a decoding")
    reduced: dict[str, Way] = {"whole": partial(medcnn, exact=True)}
    reduced |= {f"at 1/{scale}": partial(medcnn, size=SIDE // scale) for scale in (2, 4, 8)}
    with Race(reduced) as race:
        for name in ("JPEG 2000", "JPEG, 8 bits"):
            _add(table, name, race.run(paths[name], rounds))
    # The package of the plug-in ``pylibjpeg`` for JPEG-LS is pylibjpeg-libjpeg.
    installed = {"pylibjpeg": find_spec("libjpeg"), "pyjpegls": find_spec("jpeg_ls")}
    with Race({name: partial(plugin, name) for name, found in installed.items() if found}) as race:
        _add(table, "JPEG-LS", race.run(paths["JPEG-LS"], rounds))
    return table


def _add(table: Table, name: str, found: Mapping[str, float]) -> None:
    first = next(iter(found))
    for way, taken in found.items():
        faster = f"{found[first] / taken:.1f} times"
        table.add_row(name if way == first else "", way, f"{1000 * taken:.1f}", faster)


def medcnn(*, size: int = SIZE, exact: bool = False) -> Reader:
    """Read as a training does, or with ``data.exact=true``."""
    return lambda path: read_image_resized(path, size, exact=exact)


def bare() -> Reader:
    """Decode with pydicom's default plug-in and do nothing more."""
    return lambda path: pydicom.dcmread(path).pixel_array


def plugin(name: str) -> Reader:
    """Decode with one of pydicom's plug-ins."""

    def read(path: Path) -> Any:
        dataset = pydicom.dcmread(path)
        dataset.pixel_array_options(decoding_plugin=name)
        return dataset.pixel_array

    return read


def monai() -> Reader:
    """Read by MONAI's reader and resize."""
    transforms = importlib.import_module("monai.transforms")
    load = transforms.LoadImage(reader="PydicomReader", image_only=True, ensure_channel_first=True)
    resize = transforms.Resize((SIZE, SIZE))
    return lambda path: resize(load(path))


def torchxrayvision() -> Reader:
    """Read and resize by TorchXRayVision's defaults."""
    xrv = importlib.import_module("torchxrayvision")
    resize = xrv.datasets.XRayResizer(SIZE)
    return lambda path: resize(xrv.utils.read_xray_dcm(str(path))[None])


def peers() -> dict[str, Way]:
    """Return the ways of other toolkits, and say which of them are not installed."""
    found: dict[str, Way] = {}
    for name, way in (("MONAI", monai), ("TorchXRayVision", torchxrayvision)):
        if find_spec(way.__name__):
            found[name] = way
        else:
            print(f"{name} is not installed and left out: pip install -e '.[benchmark]'")
    return found


class Race:
    """Processes, one for each way, that take turns at a file."""

    def __init__(self, ways: Mapping[str, Way]) -> None:
        self.processes = {name: ProcessPoolExecutor(1) for name in ways}
        for name, way in ways.items():
            self.processes[name].submit(_start, way).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.shutdown()

    def run(self, path: Path, rounds: int) -> dict[str, float]:
        """Return the median CPU seconds that each way takes to read a file."""
        taken: dict[str, list[float]] = {name: [] for name in self.processes}
        for turn in range(rounds + 1):
            for name, process in self.processes.items():
                seconds = process.submit(_measure, path).result()
                if turn:  # the first is to warm up
                    taken[name].append(seconds)
        return {name: statistics.median(each) for name, each in taken.items()}


_STARTED: dict[str, Reader] = {}


def _start(way: Way) -> None:
    cv2.setNumThreads(1)
    _STARTED["reader"] = way()
    if "torch" in sys.modules:
        importlib.import_module("torch").set_num_threads(1)


def _measure(path: Path) -> float:
    reader, calls, start, spent = _STARTED["reader"], 0, cpu_seconds(), 0.0
    while spent < LEAST_SECONDS:
        reader(path)
        calls += 1
        spent = cpu_seconds() - start
    return spent / calls


def cpu_seconds() -> float:
    """Return the CPU time of this process and, where Linux tells, of its living children."""
    seconds = time.process_time()
    for file in Path("/proc/self/task").glob("*/children"):
        for child in file.read_text().split():
            # The clock of another process's CPU time, as clock_getcpuclockid(3) makes it.
            seconds += time.clock_gettime(~int(child) << 3 | 2)
    return seconds


def files(folder: Path) -> dict[str, Path]:
    """Return one file a transfer syntax, all of the same image."""
    stored = radiograph()
    window: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}
    content = {"uncompressed": encode(image_dataset(stored, **window))}
    for name, syntax in (
        ("RLE", uid.RLELossless),
        ("JPEG-LS", uid.JPEGLSLossless),
        ("JPEG 2000", uid.JPEG2000Lossless),
    ):
        frame = get_encoder(syntax).encode(image_dataset(stored, **window), index=0)
        content[name] = encode(image_dataset(stored, syntax=syntax, frames=[frame], **window))
    low = (stored >> 4).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(low).save(buffer, "JPEG", quality=90)
    jpeg = image_dataset(low, bits=8, syntax=uid.JPEGBaseline8Bit, frames=[buffer.getvalue()])
    content["JPEG, 8 bits"] = encode(jpeg)
    for name, data in content.items():
        (folder / f"{name}.dcm").write_bytes(data)
    return {name: folder / f"{name}.dcm" for name in content}


def radiograph() -> npt.NDArray[np.uint16]:
    """Return a smooth 12-bit image with the noise of a detector, so that codecs have real work."""
    rng = np.random.default_rng(0)
    coarse = rng.normal(size=(16, 16)).astype(np.float32)
    smooth = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    noisy = 2000 + 500 * smooth + rng.normal(scale=12, size=smooth.shape)
    return np.asarray(np.clip(noisy, 0, 4095), np.uint16)
