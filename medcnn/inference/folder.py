"""Prediction of files: batches of readings through trained models, one row a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.progress import track
from torch import Tensor

from medcnn.calibration.detector import Detector
from medcnn.console import CONSOLE
from medcnn.inference.files import Reading, find_images, read_files
from medcnn.inference.out_of_distribution import judge_files, load_detector
from medcnn.inference.runs import Panel, assemble
from medcnn.io import Facts
from medcnn.io.identifiers import pseudonym, read_salt
from medcnn.run_dir import RunDir


def predict_files(runs: Sequence[RunDir], options: Mapping[str, Any]) -> tuple[pd.DataFrame, Any]:
    """Return one row a file, and what a reader has to know of the members.

    A row holds the probability and the decision at the frozen threshold, or the reason why not.
    """
    panel = assemble(runs, options)
    root = Path(options["input"])
    paths = find_images(root)
    exact = bool(panel.predictor.members[0].settings["data"]["exact"])
    readings = read_files(paths, panel.predictor.image_size, exact=exact)
    shown = track(readings, "predicting", total=len(paths), console=CONSOLE, transient=True)
    detector = load_detector(runs[0])
    rows = list(_rows(panel, detector, shown, root, int(options["batch_size"])))
    return pd.DataFrame(rows), panel.notes


def _rows(
    panel: Panel,
    detector: Detector | None,
    readings: Iterable[Reading],
    root: Path,
    batch_size: int,
) -> Iterator[dict[str, Any]]:
    rest = iter(readings)
    hidden = panel.predictor.members[0].settings["data"].get("hash_patients", False)
    salt = read_salt() if hidden else None
    threshold = panel.threshold.value
    while group := list(islice(rest, batch_size)):
        sound = [reading for reading in group if reading.pixels is not None]
        found = iter(_measured(panel, detector, sound) if sound else ())
        for reading in group:
            row: dict[str, Any] = {"image_id": _name(reading.path, root), "patient_id": None}
            row |= {"p_abnormal": None, "decision": None, "threshold": threshold, "entropy": None}
            row |= {"error": str(reading.error) if reading.error else None, "warnings": None}
            if reading.facts is not None:
                patient = reading.facts.patient_id
                row["patient_id"] = patient if salt is None else pseudonym(patient, salt)
                row |= next(found)
                row["decision"] = "abnormal" if row["p_abnormal"] >= threshold else "normal"
                row["warnings"] = "; ".join(reading.facts.warnings) or None
            yield row


def _name(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if root.is_dir() else path.name


@torch.inference_mode()
def _measured(
    panel: Panel, detector: Detector | None, readings: Sequence[Reading]
) -> list[dict[str, Any]]:
    """Return the probability of each image, its uncertainty, and the columns of the detector."""
    image = _stacked([reading.pixels for reading in readings if reading.pixels is not None])
    columns = panel.columns(panel.predictor.probabilities(image))
    if detector is not None:
        facts: list[Facts] = [reading.facts for reading in readings if reading.facts is not None]
        model = panel.predictor.members[0]
        features = panel.predictor.features_ND
        judged, _ = judge_files(model, detector, model.calibrator, image, facts, features)
        columns = columns.join(judged)
    return [{str(name): value for name, value in row.items()} for row in columns.to_dict("records")]


def _stacked(images: Sequence[np.ndarray]) -> Tensor:
    images_NHW = np.stack(images)
    scale = np.float32(1.0 / np.iinfo(images_NHW.dtype).max)
    return torch.from_numpy(images_NHW.astype(np.float32) * scale).unsqueeze(1)
