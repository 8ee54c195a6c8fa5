"""What is wrong with an installation: decoders, the reader itself, the cache."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydicom.pixels.decoders.base import get_decoder

from medcnn.io.conformance import check_dicom, failures
from medcnn.io.decoders import PREFERRED
from medcnn.io.doctor import Finding
from medcnn.version import DISTRIBUTION, how_to_install

LEAST_FREE_GIB = 5
"""Room for a cache of about 100,000 images at 224 pixels."""

_PACKAGES = ("medcnn", "torch", "torchvision", "pytorch_lightning", "pydicom", "numpy", "cv2")


def versions() -> list[str]:
    """Return one line each about Python and the main packages, without importing them."""
    lines = [f"Python {platform.python_version()} on {platform.system()}, {os.cpu_count()} cores"]
    others = {"cv2": "opencv-python-headless", "medcnn": DISTRIBUTION}
    for name in _PACKAGES:
        distribution = others.get(name, name.replace("_", "-"))
        try:
            lines.append(f"{distribution} {version(distribution)}")
        except PackageNotFoundError:
            found = importlib.util.find_spec(name) is not None
            lines.append(f"{distribution} {'from a source folder' if found else 'is missing'}")
    return lines


def examine_installation(cache: Path) -> Iterator[Finding]:
    """Yield what is wrong: missing packages and decoders, wrong readings, no room for a cache."""
    for name in _PACKAGES:
        if importlib.util.find_spec(name) is None:
            yield Finding("error", "missing_package", f"{name} is missing", how_to_install())
    rows = check_dicom()
    for row in rows:
        if row.passed is None:
            problem = f"files in {row.case} cannot be read: no decoder is installed"
            yield Finding("warning", "missing_decoder", problem, how_to_install("dicom"))
    yield from _slow_decoder_findings()
    wrong = failures(rows)
    if wrong:
        yield Finding(
            "error",
            "wrong_reading",
            f"{len(wrong)} kinds of DICOM file are read wrongly: {', '.join(wrong[:5])}",
            f"see medcnn check dicom; {how_to_install('dicom')}",
        )
    yield from _cache_findings(cache)


def _slow_decoder_findings() -> Iterator[Finding]:
    for syntax, preferred in PREFERRED.items():
        decoder = get_decoder(syntax)
        if decoder.is_available and preferred not in decoder.available_plugins:
            yield Finding(
                "note",
                "slow_decoder",
                f"files in {syntax.name} are read by a slower decoder than {preferred}",
                how_to_install("dicom"),
            )


def _cache_findings(cache: Path) -> Iterator[Finding]:
    folder = cache
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        problem = "the cache folder cannot be written"
        yield Finding("error", "cache", problem, "set MEDCNN_CACHE or data.cache_dir")
        return
    free = shutil.disk_usage(folder).free / 2**30
    if free < LEAST_FREE_GIB:
        problem = f"the disk of the cache has {free:.1f} GiB left, less than {LEAST_FREE_GIB}"
        yield Finding("warning", "cache", problem, "set MEDCNN_CACHE to a larger disk")
