"""The proof of an export: onnxruntime's answers held against the network's own.

Legend: N images, one channel, S×S pixels.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcnn.console import progress_bars
from medcnn.data.preparation import cache_images
from medcnn.errors import MedcnnError
from medcnn.exporting.golden import Golden
from medcnn.exporting.onnx_file import Session
from medcnn.exporting.subject import Subject
from medcnn.inference.runs import run_manifest

TOLERANCE = 1e-4
"""How far a logit of the graph may lie from the network's."""


class ExportError(MedcnnError):
    """The graph does not answer as the network does: a fault of medcnn, of torch or of onnxruntime."""


@dataclass(frozen=True)
class Proof:
    """What was compared, and how far apart it was.

    Attributes:
        onnxruntime: Its version.
        golden: Golden files.
        validation: Validation images.
        largest_logit_difference: Over all of them.
        decisions_that_differ: Likewise.
    """

    onnxruntime: str
    golden: int
    validation: int
    largest_logit_difference: float
    decisions_that_differ: int


def prove(subject: Subject, path: Path, golden: list[Golden], images: int, batch: int) -> Proof:
    """Return the proof that a graph answers golden files and validation images as the network does.

    Args:
        subject: What was exported.
        path: The graph.
        golden: The golden files, as the network answered them.
        images: The most validation images.
        batch: Images that go through together.

    Raises:
        ExportError: If a logit or a decision differs.
        DataError: If the validation images are not there any more.
    """
    session, threshold = Session(path), subject.panel.threshold.value
    largest, differ, count = 0.0, 0, 0
    for pixels, logit, p in _pairs(subject, golden, images, batch):
        found = session(pixels)
        apart = np.abs(found["logit"].astype(np.float64) - logit)
        largest = max(largest, float(np.nan_to_num(apart, nan=np.inf).max()))
        differ += int(((found["p_abnormal"] >= threshold) != (p >= threshold)).sum())
        count += len(pixels)
    if largest > TOLERANCE or differ:
        raise ExportError(
            "The exported graph does not answer as the network does; nothing was left.",
            expected=f"logits within {TOLERANCE:g} and the same decisions on {count} images",
            found=f"logits up to {largest:.3g} apart, {differ} decisions that differ",
            remedy="update torch, onnx and onnxruntime; if it stays so, report it with the name of the "
            "backbone",
        )
    return Proof(session.version, len(golden), count - len(golden), largest, differ)


Pair = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Images N×1×S×S, and the network's logit and probability of each."""


def _pairs(subject: Subject, golden: list[Golden], images: int, batch: int) -> Iterator[Pair]:
    pixels = np.stack([each.pixels for each in golden])[:, None]
    logit = np.array([each.logit for each in golden])
    yield pixels, logit, np.array([each.p_abnormal for each in golden])
    rows = _nearest(subject, images)
    members = subject.panel.predictor.members
    largest = max(members, key=lambda member: member.image_size)
    manifest = run_manifest(subject.run)
    chosen = manifest.with_table(rows.drop(columns="p_abnormal"))
    cache = cache_images(chosen, largest.settings.data)
    with progress_bars() as shown:
        starts = range(0, len(rows), batch)
        for start in shown.track(starts, description="comparing validation images"):
            at = np.arange(start, min(start + batch, len(rows)))
            yield _answered(subject, cache.take(at))


def _answered(subject: Subject, pixels_NSS: npt.NDArray[Any]) -> Pair:
    import torch

    # As cached images are scaled everywhere else; those of 16 bits come as files would.
    levels = pixels_NSS if pixels_NSS.dtype == np.uint8 else np.rint(pixels_NSS / 257)
    pixels = levels.astype(np.uint8)[:, None]
    panel = subject.panel
    image = torch.from_numpy(pixels.astype(np.float32) * np.float32(1 / 255))
    table = panel.columns(panel.predictor.logits(image))
    return pixels, table["logit"].to_numpy(np.float64), table["p_abnormal"].to_numpy(np.float64)


def _nearest(subject: Subject, most: int) -> pd.DataFrame:
    """Return the rows of validation, those nearest the threshold first: they are decided soonest."""
    rows = run_manifest(subject.run).split("val")
    p = subject.validation.drop_duplicates("image_id").set_index("image_id")["p_abnormal"]
    rows = rows.assign(p_abnormal=rows["image_id"].map(p))
    away = (rows["p_abnormal"] - subject.panel.threshold.value).abs()
    return rows.iloc[np.argsort(away.to_numpy(), kind="stable")[:most]].reset_index(drop=True)


def reproduce(folder: Path) -> str:
    """Run ``predict_onnx.py`` as whoever gets the folder would, and return what it says at its end.

    Raises:
        ExportError: If it does not reproduce the golden files.
    """
    done = subprocess.run(  # noqa: S603  the interpreter at work, and a file written just now
        [sys.executable, "-I", "-c", STARTER, str(folder.resolve())],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd=folder,
    )
    if done.returncode:
        raise ExportError(
            "predict_onnx.py does not reproduce the golden files; nothing was left.",
            expected="the pixels, logits and decisions of medcnn itself",
            found=" ".join((done.stderr or done.stdout).split())[-400:],
            remedy="report it: the reader that travels with the export differs from medcnn's",
        )
    return done.stdout.strip().splitlines()[-1]


STARTER = (
    "import runpy, sys; folder = sys.argv.pop(); sys.dont_write_bytecode = True; "
    "sys.path.insert(0, folder); runpy.run_path(folder + '/predict_onnx.py', run_name='__main__')"
)
"""Isolated from the user's folders and settings, and without leaving compiled files behind."""
