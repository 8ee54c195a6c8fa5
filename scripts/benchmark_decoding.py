"""Images a second from a DICOM file to 224 pixels: medcnn, pydicom's bare decoding, and peers.

    python scripts/benchmark_decoding.py [--side 2048] [--repeats 5]

Each figure is the best of the repeats in one thread, both sides of a ratio in one run. Peers that are
not installed (MONAI, TorchXRayVision) are left out and named.
"""

from __future__ import annotations

import argparse
import importlib
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pydicom
from PIL import Image
from pydicom import uid
from pydicom.pixels.encoders.base import get_encoder

from medcnn.io import read_image_resized
from medcnn.io.conformance.example import encode, image_dataset

SIZE = 224
Way = Callable[[Path], Any]


def radiograph(side: int) -> npt.NDArray[np.uint16]:
    """Return a smooth 12-bit image with the noise of a detector, so that codecs have real work."""
    rng = np.random.default_rng(0)
    coarse = rng.normal(size=(16, 16)).astype(np.float32)
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    noisy = 2000 + 500 * smooth + rng.normal(scale=12, size=smooth.shape)
    return np.asarray(np.clip(noisy, 0, 4095), np.uint16)


def files(folder: Path, side: int) -> dict[str, Path]:
    """Return one file a transfer syntax, all of the same image."""
    stored = radiograph(side)
    window: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}
    content = {"uncompressed": encode(image_dataset(stored, **window))}
    for name, syntax in (
        ("RLE", uid.RLELossless),
        ("JPEG-LS", uid.JPEGLSLossless),
        ("JPEG 2000", uid.JPEG2000Lossless),
    ):
        plain = image_dataset(stored, **window)
        frame = get_encoder(syntax).encode(plain, index=0)
        content[name] = encode(image_dataset(stored, syntax=syntax, frames=[frame], **window))
    low = (stored >> 4).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(low).save(buffer, "JPEG", quality=90)
    jpeg = image_dataset(low, bits=8, syntax=uid.JPEGBaseline8Bit, frames=[buffer.getvalue()])
    content["JPEG, 8 bits"] = encode(jpeg)
    for name, data in content.items():
        (folder / f"{name}.dcm").write_bytes(data)
    return {name: folder / f"{name}.dcm" for name in content}


def bare(path: Path) -> Any:
    """Decode with pydicom's default plug-in and do nothing more."""
    return pydicom.dcmread(path).pixel_array


def reduced(path: Path) -> Any:
    """Read as a training does."""
    return read_image_resized(path, SIZE, exact=False)


def full(path: Path) -> Any:
    """Read with ``data.exact=true``."""
    return read_image_resized(path, SIZE, exact=True)


def peers() -> dict[str, Way]:
    """Return the readers of other toolkits that are installed, each with its own resize."""
    found: dict[str, Way] = {}
    try:
        xrv = importlib.import_module("torchxrayvision")
        resize = xrv.datasets.XRayResizer(SIZE)
        found["TorchXRayVision"] = lambda path: resize(xrv.utils.read_xray_dcm(str(path))[None])
    except ImportError:
        print("TorchXRayVision is not installed: left out")
    try:
        transforms = importlib.import_module("monai.transforms")
        monai = transforms.Compose(
            [
                transforms.LoadImage(image_only=True, ensure_channel_first=True),
                transforms.Resize((SIZE, SIZE)),
            ]
        )
        found["MONAI"] = monai
    except ImportError:
        print("MONAI is not installed: left out")
    return found


def rate(way: Way, path: Path, repeats: int) -> float:
    """Return images a second, the best of the repeats."""
    way(path)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        way(path)
        times.append(time.perf_counter() - start)
    return 1 / min(times)


def main() -> None:
    """Print one line a transfer syntax and way."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    ways: dict[str, Way] = {"medcnn": reduced, "medcnn exact": full, "pydicom bare": bare} | peers()
    print(f"{'file':14} {'way':18} {'images/s':>9} {'medcnn is':>12}")
    with tempfile.TemporaryDirectory() as folder:
        for name, path in files(Path(folder), options.side).items():
            ours = rate(reduced, path, options.repeats)
            for way, function in ways.items():
                theirs = ours if way == "medcnn" else rate(function, path, options.repeats)
                print(f"{name:14} {way:18} {theirs:9.1f} {ours / theirs:10.2f} ×")


if __name__ == "__main__":
    main()
