"""Five phantom DICOM files of different kinds, and what has to come out of each.

They prove, wherever the export arrives, that a radiograph is read and answered as it was here. Their
kinds are those that readers get wrong: polarity, a table in place of a window, a coded frame, a sign
with padding around it, and no window at all.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import torch
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from medcnn.data.batch import unit_images
from medcnn.data.sources.phantom.dicom import dicom_bytes
from medcnn.data.sources.phantom.plan import Options, plan
from medcnn.data.sources.phantom.radiograph import TOP, render
from medcnn.exporting.subject import Subject
from medcnn.files.hashing import sha256_of
from medcnn.inference.out_of_distribution import flag_files
from medcnn.io import Facts, read_image_resized
from medcnn.io.conformance.example import lut_item
from medcnn.run.directory import write_json

FOLDER = "golden"
OPTIONS = Options(n_images=5, size=320, seed=16, monochrome1=0.0, difficulty=0.2)
DIGEST = "golden 1"
"""Of the identifiers: the same files have the same in every export."""


@dataclass(frozen=True)
class Golden:
    """One file and what has to come out of it."""

    name: str
    what: str
    pixels: npt.NDArray[np.uint8]
    logit: float
    p_abnormal: float
    decision: str
    foreign: int | None
    reasons: str

    def to_json(self, folder: Path) -> dict[str, Any]:
        """Return its entry in ``golden.json``."""
        found = {
            "file": f"{self.name}.dcm",
            "what": self.what,
            "sha256": sha256_of(folder / f"{self.name}.dcm"),
            "pixels": f"{self.name}.npy",
            "logit": self.logit,
            "p_abnormal": self.p_abnormal,
            "decision": self.decision,
        }
        if self.foreign is None:
            return found
        return found | {"unlike_training": self.foreign, "reasons": self.reasons}


def write_golden(subject: Subject, folder: Path) -> list[Golden]:
    """Write the files, their pixels and ``golden.json``, answered by the network itself.

    Args:
        subject: What answers.
        folder: Of the golden files.
    """
    folder.mkdir(parents=True)
    size = subject.panel.predictor.image_size
    names, pixels, facts = [], [], []
    for (name, what, make), case in zip(KINDS, plan(OPTIONS), strict=True):
        path = folder / f"{name}.dcm"
        dataset = pydicom.dcmread(io.BytesIO(dicom_bytes(case, render(case), DIGEST)))
        make(dataset)
        dataset.save_as(path, enforce_file_format=True)
        image, fact = read_image_resized(path, size, exact=True)
        np.save(folder / f"{name}.npy", image, allow_pickle=False)
        names.append((name, what))
        pixels.append(image)
        facts.append(fact)
    found = _answered(subject, names, np.stack(pixels), facts)
    write_json(folder / "golden.json", {"files": [each.to_json(folder) for each in found]})
    return found


def _answered(
    subject: Subject,
    names: list[tuple[str, str]],
    pixels_NSS: npt.NDArray[np.uint8],
    facts: list[Facts],
) -> list[Golden]:
    panel = subject.panel
    image = unit_images(pixels_NSS)
    table = panel.columns(panel.predictor.logits(image))
    flags = None
    if subject.detector is not None:
        first = panel.predictor.members[0]
        features = panel.predictor.features_ND
        with torch.inference_mode():
            flags, _ = flag_files(first, subject.detector, first.calibrator, image, facts, features)
    found = []
    for row, ((name, what), pixels) in enumerate(zip(names, pixels_NSS, strict=True)):
        p = float(table["p_abnormal"][row])
        found.append(
            Golden(
                name,
                what,
                pixels,
                float(table["logit"][row]),
                p,
                "abnormal" if p >= panel.threshold.value else "normal",
                None if flags is None else int(flags["out_of_distribution"][row]),
                "" if flags is None else str(flags["ood_reasons"][row]),
            )
        )
    return found


def _monochrome1(dataset: Dataset) -> None:
    stored = TOP - dataset.pixel_array
    dataset.PhotometricInterpretation, dataset.PresentationLUTShape = "MONOCHROME1", "INVERSE"
    low, high = np.percentile(stored, (2, 98))
    dataset.WindowCenter, dataset.WindowWidth = f"{(low + high) / 2:.1f}", f"{high - low:.1f}"
    dataset.PixelData = stored.astype("<u2").tobytes()


def _voi_lut(dataset: Dataset) -> None:
    curve = 1 / (1 + np.exp(-(np.arange(TOP + 1) - TOP / 2) / 500))
    entries = np.rint((curve - curve[0]) / (curve[-1] - curve[0]) * TOP).astype(int)
    dataset.VOILUTSequence = [lut_item([TOP + 1, 0, 12], entries.tolist())]
    _without_window(dataset)


def _run_length(dataset: Dataset) -> None:
    stored = (dataset.pixel_array >> 4).astype(np.uint8)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OB"
    dataset.WindowCenter, dataset.WindowWidth = "128", "180"
    dataset.VOILUTFunction = "SIGMOID"
    dataset.compress(RLELossless, generate_instance_uid=False)


def _signed(dataset: Dataset) -> None:
    stored = dataset.pixel_array.astype(np.int16)[:, 24:-24] * 8 - 12000
    stored[:, :20], stored[-12:] = -32768, -32768
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 15, 1
    dataset.add_new("PixelPaddingValue", "SS", -32768)
    dataset.RescaleSlope, dataset.RescaleIntercept = "0.5", "8192"
    dataset.WindowCenter, dataset.WindowWidth = "9800", "11000"
    dataset.VOILUTFunction = "LINEAR_EXACT"
    dataset.PixelData = stored.astype("<i2").tobytes()


def _sixteen_bits(dataset: Dataset) -> None:
    stored = dataset.pixel_array.astype(np.uint16) * 13 + 900
    dataset.BitsStored, dataset.HighBit = 16, 15
    _without_window(dataset)
    dataset.PixelData = stored.astype("<u2").tobytes()


def _without_window(dataset: Dataset) -> None:
    for name in ("WindowCenter", "WindowWidth"):
        if name in dataset:
            delattr(dataset, name)


KINDS: tuple[tuple[str, str, Callable[[Dataset], None]], ...] = (
    ("1_monochrome1", "MONOCHROME1, 12 of 16 bits, a linear window", _monochrome1),
    ("2_voi_lut", "a VOI LUT of 4096 entries in place of a window", _voi_lut),
    ("3_run_length", "8 bits, RLE Lossless, a sigmoid window", _run_length),
    ("4_signed", "272×320, 16 bits with a sign, rescale, padding", _signed),
    ("5_sixteen_bits", "16 bits without a window: the percentile stretch", _sixteen_bits),
)
