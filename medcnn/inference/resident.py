"""A run that stays in memory: one image in, one judged answer out.

For a service, a notebook or another project's process: an image is read, resized, normalised, passed
through every member and view, calibrated and judged exactly as ``medcnn predict`` does it, which
remains the way for folders.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from medcnn.calibration.detector import FLAG
from medcnn.errors import DataError
from medcnn.evaluation.conformal import COLUMN as SET
from medcnn.evaluation.referral import COLUMN as REFERRED
from medcnn.inference.decision import HIGH, LOW, Decision
from medcnn.inference.out_of_distribution import load_detector
from medcnn.inference.quick import QuickPanel
from medcnn.inference.runs import assemble
from medcnn.inference.settings import Inference, run_settings
from medcnn.io import Facts, read_image_resized
from medcnn.io.reduction import resize_area, to_uint8
from medcnn.record.record import Record
from medcnn.run.directory import RunDir


@dataclass(frozen=True)
class Answer:
    """What a run says of one image.

    Attributes:
        p_abnormal: The calibrated probability of abnormal.
        low: Lower bound of its 95 % interval, from validation; None where the run kept none.
        high: Upper bound.
        decision: ``normal`` or ``abnormal``, at the frozen threshold.
        threshold: That threshold.
        referred: Whether it goes to a radiologist by ``refer``; None where nobody was to be referred.
        foreign: Whether the image is unlike the training images; None without a detector.
        conformal_set: What cannot be ruled out at the error rate ``alpha``: ``normal``, ``abnormal``,
            both or neither; None where there is no such promise.
        warnings: What the reader of the file, or the safeguards, have to say.
    """

    p_abnormal: float
    low: float | None
    high: float | None
    decision: str
    threshold: float
    referred: bool | None
    foreign: bool | None
    conformal_set: str | None
    warnings: tuple[str, ...]


class ResidentModel:
    """A finished run in memory. Calls from several threads wait for one another.

    Args:
        run: The run, or an ensemble.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Attributes:
        image_size: Pixels a side that every image is resized to.
        threshold: The frozen threshold.

    Raises:
        WeightsError: If the run is not finished.
        DataError: If its records do not fit one another.
    """

    def __init__(self, run: RunDir, device: str = "auto") -> None:
        panel = assemble([run], Inference(device=device))
        self._quick = QuickPanel(panel, load_detector(run), exact=True, tolerance=0.0)
        settings = run_settings(run)
        val = Record(run).predictions("val") if run.predictions("val").is_file() else None
        asked = replace(settings.safeguards, prior_shift=None)
        self._decision = Decision(val, asked, panel.threshold.value, settings.seed)
        self._band = self._decision.band()
        self._exact = settings.data.exact
        self._lock = threading.Lock()
        self.image_size = panel.predictor.image_size
        self.threshold = panel.threshold.value

    def __call__(self, image: str | os.PathLike[str] | npt.NDArray[Any]) -> Answer:
        """Return the answer to one image.

        Args:
            image: A file (DICOM, PNG, JPEG, TIFF, BMP, or ``FILE.npz#name/12``), or H×W pixels: floats
                in [0, 1], uint8 or uint16, air dark and bone bright.

        Raises:
            ImageError: If the file does not end as pixels.
            DataError: If the array is none of these.
        """
        if isinstance(image, np.ndarray):
            pixels, facts = self._of_array(image)
        else:
            pixels, facts = read_image_resized(image, self.image_size, exact=self._exact)
        batch = torch.from_numpy(pixels.astype(np.float32) / np.float32(255))[None, None]
        with self._lock:
            rows, _ = self._quick.answers(batch, [facts], [self.threshold])
            table, warnings = self._decision.decide(rows, self._band)
        return _answer(table.iloc[0], (*facts.warnings, *warnings))

    def _of_array(self, image: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint8], Facts]:
        unit = _unit(image)
        rows, columns = unit.shape
        bits = 8 if image.dtype == np.uint8 else 16
        facts = Facts("array", rows, columns, bits, "MONOCHROME2")
        return to_uint8(resize_area(unit, self.image_size)), facts


def _unit(image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return an array as float32 in [0, 1]."""
    if image.ndim == 2 and image.size:
        if image.dtype in (np.uint8, np.uint16):
            return np.asarray(image / np.float32(np.iinfo(image.dtype).max), np.float32)
        if image.dtype.kind == "f" and image.min() >= 0 and image.max() <= 1:
            return np.asarray(image, np.float32)
    found = f"{image.dtype} of shape {'×'.join(map(str, image.shape))}"
    if image.dtype.kind == "f" and image.size:
        found += f" from {image.min():g} to {image.max():g}"
    raise DataError(
        "The array is no image that a run can be asked about.",
        expected="H×W pixels: floats in [0, 1], uint8 or uint16; air dark and bone bright",
        found=found,
        remedy="give one grey image, scaled; of a DICOM file give its path",
    )


def _answer(row: pd.Series, warnings: Sequence[str]) -> Answer:
    p = row["p_abnormal"]
    if p is None or not math.isfinite(p):
        raise DataError(
            "The network's answer is no number.", remedy="medcnn doctor says more of it"
        )
    return Answer(
        p_abnormal=float(p),
        low=_number(row, LOW),
        high=_number(row, HIGH),
        decision=str(row["decision"]),
        threshold=float(row["threshold"]),
        referred=_flag(row, REFERRED),
        foreign=_flag(row, FLAG),
        conformal_set=str(row[SET]) if SET in row and pd.notna(row[SET]) else None,
        warnings=tuple(dict.fromkeys(map(str, warnings))),
    )


def _number(row: pd.Series, name: str) -> float | None:
    return float(row[name]) if name in row and pd.notna(row[name]) else None


def _flag(row: pd.Series, name: str) -> bool | None:
    return bool(row[name]) if name in row and pd.notna(row[name]) else None
